"""Trains in every combination of devices, precision and XLA, with Keras' fit beside the zoo.

    python -m tools.bench.precision_matrix

Two epochs of real digits each, through the real entry points, each in a process of its own, on a
CPU: LeNet-5 and a ResNet-18 of an eighth of the width. Prints a Markdown table: mean training
loss of the first and the second epoch, or the error.
"""

import itertools
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from absl import flags

from zoo.cli import run_tool
from zoo.recipe.checks import PRECISIONS

ONLY = flags.DEFINE_enum("only", "both", ["zoo", "fit", "both"], "which trainers to run")
ROWS = flags.DEFINE_list("rows", [], "some of the 24 rows, by number from 1; empty: all")
LIMIT = flags.DEFINE_integer("limit_s", 600, "seconds after which a run is given up")

MODELS = {
    "lenet5": (
        ["recipes.lenet5", "--batch_size=100", "--learning_rate=0.05", "--augment="],
        ["--model=lenet5", "--batch_size=100"],
    ),
    "resnet18, width 1/8": (
        ["recipes.resnet18", "--model_options=width=0.125", "--image_size=32", "--eval_resize=32",
         "--channels=1", "--mean=33.3", "--std=78.6", "--crop_area=1,1", "--augment=",
         "--schedule=cosine", "--batch_size=100", "--base_batch_size=100"],
        ["--model=resnet18", "--width=0.125", "--image_size=32", "--batch_size=100"],
    ),
}


def main() -> None:
    header = "| model | devices | precision | XLA | zoo: loss by epoch | Model.fit |"
    print(f"{header}\n| --- | --- | --- | --- | --- | --- |", flush=True)
    combinations = list(itertools.product(MODELS.items(), (1, 2), PRECISIONS, ("off", "on")))
    chosen = [int(row) - 1 for row in ROWS.value] or range(len(combinations))
    for index in chosen:
        (model, (ours, theirs)), devices, precision, xla = combinations[index]
        shared = [f"--virtual_devices={devices}", f"--precision={precision}", f"--xla={xla}",
                  "--data=mnist5k", "--epochs=2"]
        zoo = run_zoo([*ours, *shared]) if ONLY.value != "fit" else ""
        fit = run_fit([*theirs, *shared]) if ONLY.value != "zoo" else ""
        print(f"| {model} | {devices} | {precision} | {xla} | {zoo} | {fit} |", flush=True)


def run_zoo(arguments: list[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        module, *rest = arguments
        error, _ = run([module, *rest, f"--run_dir={folder}", "--export=false"])
        metrics = Path(folder) / "metrics.jsonl"
        return error or losses(metrics.read_text())


def run_fit(arguments: list[str]) -> str:
    error, output = run(["tools.bench.keras_fit", *arguments])
    return error or losses(output)


def run(arguments: list[str]) -> tuple[str, str]:
    """(what went wrong in a few words, or the empty string; standard output)"""
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], capture_output=True, text=True,
            timeout=LIMIT.value,
        )
    except subprocess.TimeoutExpired:
        return f"given up after {time.perf_counter() - started:.0f} s", ""
    if done.returncode == 0:
        return "", done.stdout
    if done.returncode < 0:
        return f"ended by {signal.Signals(-done.returncode).name}", done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line.split(":")[0] or "error:" in line]
    return "fails: " + (errors or lines)[-1].strip().replace("|", "/")[:160], done.stdout


def losses(lines: str) -> str:
    records = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    return ", ".join(f"{record['train_loss']:.4f}" for record in records) + (
        f" ({records[-1]['seconds']:.0f} s)"
    )


if __name__ == "__main__":
    run_tool(main, __doc__)
