"""Runs the recipes since the paper in small, kills them, resumes them: the same as unbroken ones?

    python -m tools.bench.flagfiles --out=runs/flagfiles
    python -m tools.bench.flagfiles --out=runs/flagfiles --only=rsb_a2,tv2

Ten steps of each flagfile on synthetic images of 48 pixels, in float32 and mixed_float16, on one
and two virtual devices, without XLA. The killed run gets SIGKILL once its first checkpoint is there
(step 3), then the same command again. A row a run: how many values of the last checkpoint differ
from the unbroken run's, and the largest difference. Goes on where it was stopped; takes about a
minute a row on two cores. Exit code 1 where a run fails or values differ on one device.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from absl import flags

from zoo.cli import PATH, find_recipe, import_tensorflow, parse, run_tool

OUT = flags.DEFINE(PATH, "out", None, "folder of the runs and of rows.jsonl", required=True)
ONLY = flags.DEFINE_list("only", [], "some of the flagfiles; empty: all")

# flagfile -> (the recipe that it is for, flags that make it small)
NARROW = "--model_options={}, width=0.125"
TV2 = ["--train_sizes=32",
       "--averaging=ema(0.99998, every=2, ramp=constant, start=0.4, torchvision=True)"]
FLAGFILES = {
    "rsb_a1": ("resnet50", [NARROW]),
    "rsb_a2": ("resnet50", [NARROW]),
    "rsb_a3": ("resnet50", [NARROW, "--train_sizes=32"]),
    "tv2": ("resnet50", [NARROW, *TV2]),
    "tv2_mobilenet_v2": ("mobilenet_v2_100", ["--model=mobilenet_v2_025", *TV2]),
    "ra_mobilenet_v3_large": ("mobilenet_v3_large_100", ["--model=mobilenet_v3_small_050"]),
    # Begins with what rsb_a2 leaves.
    "fixres": ("resnet50", [NARROW, "--weights={out}/rsb_a2-float32-1/unbroken",
                            "--scale_jitter=44,44", "--schedule=step(1, factor=0.1)"]),
}
SMALL = [
    "--data=synthetic:size=48,classes=10,count=40", "--image_size=40", "--eval_resize=44",
    "--batch_size=8", "--epochs=2", "--warmup_epochs=0.4", "--evaluate_every=2",
    "--checkpoint_every=3", "--keep_checkpoints=9", "--steps_per_call=1", "--xla=off",
    "--export=false",
]
SETTINGS = [("float32", 1), ("mixed_float16", 2), ("float32", 2), ("mixed_float16", 1)]
SECONDS = 600  # for one process


def command_of(flagfile: str, precision: str, devices: int, run_dir: Path) -> list[str]:
    name, small = FLAGFILES[flagfile]
    recipe = parse(find_recipe(name), ["program", f"--flagfile={flagfile}"])
    options = recipe.model_options or "zero_gamma=False"
    return [
        sys.executable, "-m", f"recipes.{name}", f"--flagfile={flagfile}", *SMALL,
        *(flag.format(options, out=OUT.value) for flag in small),
        f"--precision={precision}", f"--virtual_devices={devices}", f"--run_dir={run_dir}",
    ]


def run_whole(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {(done.stdout + done.stderr)[-400:]}")


def run_killed(command: list[str], run_dir: Path) -> int:
    """Kills the run behind its first checkpoint; the step of the newest one that it left."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        if newest_step(run_dir) >= 3:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.005)
    process.wait()
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(f"was to be killed, ended with exit code {process.returncode}")
    return newest_step(run_dir)


def newest_step(run_dir: Path) -> int:
    listed = run_dir / "checkpoints" / "checkpoint"
    text = listed.read_text() if listed.exists() else ""
    found = re.match(r'model_checkpoint_path: ".*-(\d+)"', text)
    return int(found[1]) if found else 0


def differences(run_dir: Path, other: Path) -> tuple[int, float]:
    """Of the newest checkpoints: how many tensors are not equal, the largest difference."""
    import numpy as np
    import tensorflow as tf

    readers = [
        tf.train.load_checkpoint(tf.train.latest_checkpoint(str(each / "checkpoints")))
        for each in (run_dir, other)
    ]
    unequal, largest = 0, 0.0
    for name in readers[0].get_variable_to_shape_map():
        # TensorFlow's bookkeeping, the clock, and sums that are added up a call at a time.
        if name.split("/")[0] in (
            "_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter", "seconds", "epoch_sums"
        ):
            continue
        ours, theirs = (np.asarray(reader.get_tensor(name), np.float64) for reader in readers)
        unequal += not np.array_equal(ours, theirs)
        largest = max(largest, float(np.abs(ours - theirs).max(initial=0)))
    return unequal, largest


def main() -> int:
    import_tensorflow()
    out = Path(OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {row["run"] for row in rows}
    for precision, devices in SETTINGS:
        for flagfile in ONLY.value or FLAGFILES:
            name = f"{flagfile}-{precision}-{devices}"
            if name in done:
                continue
            shutil.rmtree(out / name, ignore_errors=True)
            whole, killed = out / name / "unbroken", out / name / "killed"
            run_whole(command_of(flagfile, precision, devices, whole))
            command = command_of(flagfile, precision, devices, killed)
            step = run_killed(command, killed)
            run_whole(command)
            unequal, largest = differences(killed, whole)
            row = {"run": name, "killed_behind_step": step, "steps": newest_step(killed),
                   "unequal": unequal, "largest": largest}
            rows.append(row)
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)
    return int(any(row["unequal"] for row in rows if row["run"].endswith("-1")))


if __name__ == "__main__":
    run_tool(main, __doc__)
