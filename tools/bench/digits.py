"""Seconds to 98.36 % of the held-out digits, and the best accuracy: the zoo beside Keras' fit.

    python -m tools.bench.digits --data=idx:DIR

DIR holds MNIST's four files. Contestants run in turn, each in a process of its own, once a seed:
the zoo, Keras' fit, and MXNet where --mxnet_python names an environment that has it (see
tools/bench/mxnet_fit.py). Seconds are wall clock from the first training step to the end of the
evaluation that reached the target: compilation, evaluations and checkpoints included, imports and
reading the files not.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from absl import flags

from zoo.cli import run_tool
from zoo.data import open_source

DATA = flags.DEFINE_string("data", None, "idx:DIR", required=True)
SEEDS = flags.DEFINE_integer("seeds", 3, "runs of each contestant", lower_bound=1)
TARGET = flags.DEFINE_float("target", 0.9836, "top-1 on the validation images, 0..1")
ONLY = flags.DEFINE_list("only", [], "some of the contestants, by number from 1; empty: all")
MXNET = flags.DEFINE_string(
    "mxnet_python", None, "the Python of an environment with MXNet; without it MXNet does not run"
)

# (name, module, flags); the sixth and seventh are for the best accuracy, the others for the time.
CONTESTANTS = [
    ("zoo lenet5, 1 epoch", "recipes.lenet5", ["--flagfile=recipes/flags/mnist_fast.flags"]),
    ("Keras fit lenet5, 2 epochs, cosine", "tools.bench.keras_fit",
     ["--model=lenet5", "--epochs=2", "--learning_rate=0.1"]),
    ("Keras fit lenet, 2 epochs, cosine", "tools.bench.keras_fit", ["--model=lenet", "--epochs=2"]),
    ("Keras fit lenet, Adam", "tools.bench.keras_fit",
     ["--model=lenet", "--epochs=4", "--optimizer=adam"]),
    ("MXNet lenet", "tools.bench.mxnet_fit", ["--epochs=4"]),
    ("zoo lenet5, 24 epochs", "recipes.lenet5", ["--flagfile=recipes/flags/mnist.flags"]),
    ("zoo lenet, 24 epochs", "recipes.lenet", ["--flagfile=recipes/flags/mnist.flags"]),
    ("zoo lenet5, 1 epoch, images on the device", "recipes.lenet5",
     ["--flagfile=recipes/flags/mnist_fast.flags", "--data_on_device"]),
]


def main() -> None:
    chosen = [int(number) - 1 for number in ONLY.value] or range(len(CONTESTANTS))
    if not MXNET.value:
        chosen = [index for index in chosen if CONTESTANTS[index][1] != "tools.bench.mxnet_fit"]
    results: dict[int, list[dict]] = {index: [] for index in chosen}
    for seed in range(SEEDS.value):
        for index in chosen:
            name, module, extra = CONTESTANTS[index]
            result = run(module, [*extra, f"--seed={seed}"])
            results[index].append(result)
            print(f"seed {seed}, {name}: {json.dumps(result)}", flush=True)
    print(table(results))


def run(module: str, arguments: list[str]) -> dict:
    """One contestant, one seed: seconds to the target, best and test accuracy, all seconds."""
    with tempfile.TemporaryDirectory() as folder:
        python, data, environment = sys.executable, DATA.value, None
        if module.startswith("recipes."):
            arguments = [*arguments, f"--run_dir={folder}", "--export=false"]
        elif module == "tools.bench.mxnet_fit":
            python, data = MXNET.value, f"{folder}/digits.npz"
            write_digits(data)
            # Left alone, MXNet takes half of the hardware threads.
            environment = os.environ | {"OMP_NUM_THREADS": str(os.cpu_count())}
        command = [python, "-m", module, *arguments, f"--data={data}"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise ValueError(f"{' '.join(command)} failed: {done.stderr[-300:]}")
        metrics = Path(folder) / "metrics.jsonl"
        lines = metrics.read_text() if metrics.exists() else done.stdout
        records = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
        summary = Path(folder) / "summary.json"
        test = json.loads(summary.read_text()).get("test", {}) if summary.exists() else {}
    reached = [record["seconds"] for record in records if record["top_1"] >= TARGET.value]
    return {
        "seconds_to_target": round(reached[0], 2) if reached else None,
        "best": max(record["top_1"] for record in records),
        "seconds": round(records[-1]["seconds"], 2),
        "test": test.get("top_1"),
    }


def write_digits(path: str) -> None:
    """The .npz file that tools/bench/mxnet_fit.py reads: the zoo's own split."""
    splits = open_source(DATA.value).splits
    np.savez(path, **{
        f"{name}_{what}": getattr(splits[name], what)
        for name in ("train", "validation") for what in ("images", "labels")
    })


def table(results: dict[int, list[dict]]) -> str:
    lines = [
        f"| contestant | s to {100 * TARGET.value:.2f} %, median (min-max) | best validation, % "
        "| all epochs, s | test, % |", "| --- | --- | --- | --- | --- |",
    ]
    for index, runs in results.items():
        lines.append(
            f"| {CONTESTANTS[index][0]} | {spread(runs, 'seconds_to_target', 1, 1)} | "
            f"{spread(runs, 'best', 100, 2)} | {spread(runs, 'seconds', 1, 1)} | "
            f"{spread(runs, 'test', 100, 2)} |"
        )
    return "\n".join(lines)


def spread(runs: list[dict], key: str, scale: float, digits: int) -> str:
    values = [scale * run[key] for run in runs if run[key] is not None]
    if not values:
        return "-"
    missed = "" if len(values) == len(runs) else f", {len(runs) - len(values)} of {len(runs)} never"
    low, middle, high = (
        f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values))
    )
    return f"{middle} ({low}-{high}){missed}"


if __name__ == "__main__":
    run_tool(main, __doc__)
