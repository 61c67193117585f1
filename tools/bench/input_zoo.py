"""The zoo's input pipeline on photographs in records, timed; for tools/bench/input.py.

    PYTHONPATH=CHECKOUT python tools/bench/input_zoo.py RECORDS

times the zoo of another checkout. Each line on standard input, "HOST_OPS RESIZING IMAGES", is
answered by images a second and milliseconds of CPU time an image.
"""

from __future__ import annotations

import sys
import time

SIZE, BATCH = 224, 64


def zoo_batches(folder: str, host_ops: str, resizing: str):
    """Training batches of the records in `folder`, decoded anew at each use."""
    from zoo.data import open_source, train_batches

    source = open_source(f"tfrecord:{folder}/{{split}}-*,classes=2", cache_mb=0)
    return train_batches(
        source.splits["train"], image_size=SIZE, channels=3, batch_size=BATCH, seed=0,
        resizing=resizing, host_ops=host_ops,
    )


def timed(dataset, images: int) -> tuple[float, float]:
    """Images a second, and milliseconds of this process' CPU time an image.

    On a machine that others use as well, the second is the steadier one.
    """
    # Anew each time: else it would go on filling its buffers while the others are timed.
    batches = iter(dataset)
    for _ in range(4):
        next(batches)
    start, cpu_start = time.perf_counter(), time.process_time()
    for _ in range(images // BATCH):
        next(batches)
    done = images // BATCH * BATCH
    return (done / (time.perf_counter() - start),
            1000 * (time.process_time() - cpu_start) / done)


def main(folder: str) -> None:
    datasets = {}
    for line in sys.stdin:
        host_ops, resizing, images = line.split()
        if (host_ops, resizing) not in datasets:
            datasets[host_ops, resizing] = zoo_batches(folder, host_ops, resizing)
        print(*timed(datasets[host_ops, resizing], int(images)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
