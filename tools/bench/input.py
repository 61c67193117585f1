"""Times reading, decoding and random resized cropping to 224, side by side, on the same files.

    python -m tools.bench.input --peers_python=PEERS_ENVIRONMENT/bin/python
    python -m tools.bench.input --host_ops=native,tensorflow --resizing=area,bicubic
    python -m tools.bench.input --host_ops=native --checkouts=.,../other_checkout
    python -m tools.bench.input --memory

The photographs are parts of scikit-learn's two, 512x512, JPEG at quality 90. Rounds take turns,
every other one backwards: the zoo with each of --host_ops and --resizing; tf.data as in Keras'
guide, with TensorFlow's filter of the same kind; the zoo's windows decoded from files and not
resized (what the zoo cannot be faster than); with --peers_python (torch, torchvision, pillow,
simplejpeg) PyTorch's DataLoader with RandomResizedCrop and libjpeg-turbo alone, which decodes whole
images and crops nothing. --checkouts instead compares the zoo in several checkouts, each in a
process of its own. --memory reads 100,000 images and prints the resident memory on the way.

Prints medians, with the smallest and the largest value: images a second, and milliseconds of CPU
time an image, the steadier measure where other programs run on the same machine.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from tools.bench.input_zoo import BATCH, SIZE, timed, zoo_batches
from zoo.cli import import_tensorflow, run_tool
from zoo.data.methods import METHODS

_PEERS = flags.DEFINE_string("peers_python", "", "Python of an environment with the peers")
_HOST_OPS = flags.DEFINE_list("host_ops", ["native"], "native and tensorflow, or one of them")
_RESIZING = flags.DEFINE_list("resizing", list(METHODS), "ways of resizing to time")
_CHECKOUTS = flags.DEFINE_list("checkouts", [], "folders of checkouts of the zoo to compare")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "rounds", lower_bound=1)
_IMAGES = flags.DEFINE_integer("images", 1280, "images of each in a round", lower_bound=BATCH)
_MEMORY = flags.DEFINE_boolean("memory", False, "print the resident memory instead")
_MOST = flags.DEFINE_integer("most", 100_000, "images read with --memory", lower_bound=100)

_RECORDS = 1280
_FOLDER = Path(__file__).parent


_Timer = Callable[[int], tuple[float, ...]]


def main() -> None:
    import_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        write_photos(folder)
        if _MEMORY.value:
            show_memory(folder)
        else:
            show_speed(folder)


def write_photos(folder: str) -> None:
    """Twenty JPEG files, as records for tf.data and one by one for the others."""
    import numpy as np
    import tensorflow as tf
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    files = []
    for number in range(20):
        photo = load_sample_images().images[number % 2]
        side = int(rng.integers(300, 427))
        top, left = rng.integers(0, 427 - side), rng.integers(0, 640 - side)
        part = tf.image.resize(photo[top : top + side, left : left + side], [512, 512], "bicubic")
        levels = tf.cast(tf.clip_by_value(part, 0, 255), tf.uint8)
        files.append(tf.io.encode_jpeg(levels, quality=90).numpy())
    for split, count in (("train", _RECORDS), ("validation", 20)):
        with tf.io.TFRecordWriter(f"{folder}/{split}-00000-of-00001") as writer:
            for number in range(count):
                writer.write(_example(tf, files[number % 20], number % 2))
    for number in range(_RECORDS):
        path = Path(folder, "files", str(number % 2), f"{number:04d}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[number % 20])
    sizes = [len(content) // 1000 for content in files]
    print(f"20 photographs of 512x512, {min(sizes)}-{max(sizes)} kB, {os.cpu_count()} cores")


def show_speed(folder: str) -> None:
    """Prints the table."""
    with contextlib.ExitStack() as processes:
        timers = (_timers_of_checkouts if _CHECKOUTS.value else _timers)(folder, processes)
        for timer in timers.values():
            timer(4 * BATCH)  # compiles, starts workers, tunes buffers
        figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in timers}
        for number in range(_ROUNDS.value):
            for name in list(timers)[:: -1 if number % 2 else 1]:
                figures[name].append(timers[name](_IMAGES.value))
    width = max(map(len, figures))
    print(f"{'':{width}}  images a second       CPU ms an image, median (min-max), "
          f"n={_ROUNDS.value}")
    for name, values in figures.items():
        rates, *cpu = zip(*values, strict=True)
        print(f"{name:{width}}  {_spread(rates, 0):20}  {_spread(cpu[0], 3) if cpu else ''}")


def _spread(values: Sequence[float], digits: int) -> str:
    middle, *ends = (
        f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return f"{middle} ({'-'.join(ends)})"


def _timers(folder: str, processes: contextlib.ExitStack) -> dict[str, _Timer]:
    """By name, what runs a number of images and returns images a second and CPU ms an image."""
    datasets = {
        f"zoo, {ops}, {method}": zoo_batches(folder, ops, method)
        for method in _RESIZING.value for ops in _HOST_OPS.value
    }
    datasets |= {
        f"tf.data, {method}": _plain_tf_data(folder, method) for method in _RESIZING.value
    }
    datasets["zoo, windows not resized"] = _windows(folder)
    timers = {name: functools.partial(timed, dataset) for name, dataset in datasets.items()}
    if _PEERS.value:
        ask = _process(processes, [
            _PEERS.value, _FOLDER / "input_peers.py", f"{folder}/files", os.cpu_count()
        ])
        timers |= {name: functools.partial(ask, name) for name in ("dataloader", "libjpeg_turbo")}
    return timers


def _timers_of_checkouts(folder: str, processes: contextlib.ExitStack) -> dict[str, _Timer]:
    timers = {}
    for checkout in _CHECKOUTS.value:
        ask = _process(
            processes, [sys.executable, _FOLDER / "input_zoo.py", folder],
            PYTHONPATH=os.path.abspath(checkout),
        )
        timers |= {
            f"{checkout}, {ops}, {method}": functools.partial(ask, f"{ops} {method}")
            for method in _RESIZING.value for ops in _HOST_OPS.value
        }
    return timers


def _process(processes: contextlib.ExitStack, command: list, **environment: str) -> Callable:
    """Starts a process; returns what asks it: (what, images) -> the figures of its answer."""
    process = processes.enter_context(subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    ))

    def ask(what: str, images: int) -> tuple[float, ...]:
        process.stdin.write(f"{what} {images}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise ValueError(f"{command[0]} {command[1]} failed on {what}; see above")
        return tuple(map(float, answer.split()))

    return ask


def show_memory(folder: str) -> None:
    """Prints the resident memory after 1, 10 and 100 % of the images."""
    batches = iter(zoo_batches(folder, _HOST_OPS.value[0], "area"))
    read = 0
    for most in (_MOST.value // 100, _MOST.value // 10, _MOST.value):
        while read < most:
            next(batches)
            read += BATCH
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        print(f"after {read:7} images: {resident >> 20} MiB resident", flush=True)


def _example(tf, encoded: bytes, label: int) -> bytes:
    return tf.train.Example(features=tf.train.Features(feature={
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    })).SerializeToString()


def _windows(folder: str):
    """Files and random windows, decoded as the zoo does; nothing else is done with them."""
    import tensorflow as tf

    from zoo.data.crop import random_resized_window
    from zoo.data.host_ops import load_ops

    paths = tf.constant(sorted(map(str, Path(folder, "files").glob("*/*.jpg"))))

    def load(number):
        encoded = tf.io.read_file(paths[number % len(paths)])
        window = random_resized_window(
            tf.io.extract_jpeg_shape(encoded)[:2], area=(0.08, 1), ratio=(3 / 4, 4 / 3),
            seed=tf.stack([0, number]),
        )
        part, _, _ = load_ops("auto").jpeg_part(window, 0)
        return tf.shape(tf.io.decode_and_crop_jpeg(
            encoded, part, channels=3, dct_method="INTEGER_ACCURATE"
        ))

    dataset = tf.data.Dataset.range(tf.int64.max)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _plain_tf_data(folder: str, method: str):
    """What guides show: TFRecordDataset, a sampled box, decode_and_crop, tf.image.resize."""
    import tensorflow as tf

    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }

    def load(serialized):
        parsed = tf.io.parse_single_example(serialized, features)
        encoded = parsed["image/encoded"]
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(encoded), tf.zeros([1, 0, 4]), min_object_covered=0,
            aspect_ratio_range=(3 / 4, 4 / 3), area_range=(0.08, 1),
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], 0)
        image = tf.io.decode_and_crop_jpeg(encoded, window, channels=3)
        resized = tf.image.resize(
            image, [SIZE, SIZE], method.removesuffix("_aliased"),
            antialias=method in ("bilinear", "bicubic"),
        )
        return tf.saturate_cast(resized + 0.5, tf.uint8), parsed["image/class/label"]

    dataset = tf.data.TFRecordDataset(f"{folder}/train-00000-of-00001").repeat().shuffle(1000)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH)
    return dataset.prefetch(tf.data.AUTOTUNE)


if __name__ == "__main__":
    run_tool(main, __doc__)
