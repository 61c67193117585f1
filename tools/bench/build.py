"""Seconds that zoo.create_model takes to build each model with new weights.

    python -m tools.bench.build --models=resnet50* --repeats=5

One process; a model built first, the mlp, does not count. Prints a Markdown row a model: median
with minimum and maximum over the repeats. Parameters are the trainable ones.
"""

import gc
import statistics
import time

from absl import flags

from zoo.cli import import_tensorflow, run_tool

MODELS = flags.DEFINE_string("models", "*", "pattern of the models' names")
REPEATS = flags.DEFINE_integer("repeats", 3, "builds of each model", lower_bound=1)


def main() -> None:
    import zoo

    names = zoo.list_models(MODELS.value)
    if not names:
        raise ValueError(f"--models: got {MODELS.value}; expected a pattern of zoo.list_models()")
    import_tensorflow()
    from tqdm import tqdm

    from zoo.models import count_trainable

    zoo.create_model("mlp")
    print("| model | layers | million parameters | seconds |\n| --- | --- | --- | --- |")
    for name in tqdm(names, unit=" models", disable=None):
        seconds = []
        for _ in range(REPEATS.value):
            model = None
            gc.collect()  # the model before: its layers hold one another
            started = time.perf_counter()
            model = zoo.create_model(name)
            seconds.append(time.perf_counter() - started)
        tqdm.write(  # to standard output, above the bar
            f"| {name} | {len(model.layers)} | {count_trainable(model) / 1e6:.2f} | "
            f"{spread(seconds)} |"
        )


def spread(values) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


if __name__ == "__main__":
    run_tool(main, __doc__)
