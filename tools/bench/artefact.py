"""Seconds to write and to read a trained model: the zoo's file beside Keras' own.

    python -m tools.bench.artefact --model=resnet50

Rounds take turns between zoo.save_pretrained and Model.save, zoo.load_model and
keras.models.load_model, in one process; the first round does not count. Prints a Markdown row
each: median, minimum and maximum over the rounds, and the size of the file.
"""

import statistics
import tempfile
import time
from pathlib import Path

from absl import flags

from zoo.cli import import_tensorflow, run_tool

MODEL = flags.DEFINE_string("model", "resnet50", "architecture")
ROUNDS = flags.DEFINE_integer("rounds", 5, "timed rounds of each", lower_bound=1)


def main() -> None:
    import_tensorflow()
    import keras

    import zoo
    from zoo.weights import artefact
    from zoo.weights.local import values_of

    model = zoo.create_model(MODEL.value)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "model.safetensors", Path(folder) / "model.keras"
        contestants = {
            "zoo.save_pretrained": lambda: zoo.save_pretrained(model, ours),
            "the same without building it again, as runs do":
                lambda: artefact.write(ours, values_of(model), model.card),
            "Model.save": lambda: model.save(theirs),
            "zoo.load_model": lambda: zoo.load_model(ours),
            "keras.models.load_model": lambda: keras.models.load_model(theirs),
        }
        seconds = {name: [] for name in contestants}
        for _ in range(ROUNDS.value + 1):
            for name, run in contestants.items():
                started = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - started)
        print(f"{MODEL.value}: {ours.stat().st_size / 1e6:.1f} MB, Keras' file "
              f"{theirs.stat().st_size / 1e6:.1f} MB\n\n| | s |\n| --- | --- |")
    for name, each in seconds.items():
        print(f"| {name} | {statistics.median(each[1:]):.2f} ({min(each[1:]):.2f}-"
              f"{max(each[1:]):.2f}) |")


if __name__ == "__main__":
    run_tool(main, __doc__)
