"""Runs that are killed or stopped, and resumed: real processes of the real entry point."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--epochs=3", "--batch_size=50", "--checkpoint_every=15", "--steps_per_call=5",
    "--augment=pad_crop(2)|mixup(0.2)", "--model_options=dropout=0.2", "--export=false",
    "--label_smoothing=0.1",
    # All that a run may have to remember: two slots, averages, the best weights, a fallen rate.
    "--optimizer=adam", "--learning_rate=0.003", "--averaging=ema(0.99)", "--patience=9",
    "--schedule=plateau(0.5, patience=0, threshold=0.5)", "--micro_batches=2",
]


def start(run_dir, *flags):
    return subprocess.Popen(
        [sys.executable, "-m", "recipes.lenet5", f"--run_dir={run_dir}", *FLAGS, *flags],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def wait_for_training(process):
    for line in process.stdout:
        if line.startswith("run folder:"):
            return
    raise AssertionError("the run ended before it began to train")


def tensors(run_dir, folder="checkpoints"):
    checkpoint = tf.train.latest_checkpoint(str(run_dir / folder))
    reader = tf.train.load_checkpoint(checkpoint)
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
        # The bookkeeping of TensorFlow's saver, and the clock.
        if name.split("/")[0] not in ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter", "seconds")
    }


def records(run_dir):
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    clocks = ("seconds", "times", "timed_images")
    return [{k: v for k, v in json.loads(line).items() if k not in clocks} for line in lines]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("unbroken") / "run"
    process = start(run_dir)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return run_dir


def assert_equal_to_the_bit(run_dir, unbroken):
    for folder in ("checkpoints", "best"):
        ours, theirs = tensors(run_dir, folder), tensors(unbroken, folder)
        assert ours.keys() == theirs.keys()
        assert len(ours) > 40
        for name, value in theirs.items():
            # Sums of the epoch are added up a call at a time, and calls are cut elsewhere.
            if not name.startswith("epoch_sums"):
                np.testing.assert_array_equal(ours[name], value, err_msg=name)
    assert theirs["rate_factor/.ATTRIBUTES/VARIABLE_VALUE"] < 1
    assert [record["step"] for record in records(run_dir)] == [80, 160, 240]
    for one, two in zip(records(run_dir), records(unbroken), strict=True):
        assert one == pytest.approx(two, rel=1e-6)


def test_killed_five_times_equals_unbroken_to_the_bit(tmp_path, unbroken):
    moments = random.Random(2018)
    run_dir = tmp_path / "run"
    for _ in range(5):
        process = start(run_dir)
        wait_for_training(process)
        time.sleep(moments.uniform(0.0, 2.5))
        process.kill()
        process.wait()
        process.stdout.close()
    process = start(run_dir)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert_equal_to_the_bit(run_dir, unbroken)
    launches = (run_dir / "launches.jsonl").read_text().splitlines()
    assert len(launches) == 6
    assert "recipes.lenet5" in json.loads(launches[0])["command"]


def test_terminated_run_checkpoints_and_resumes(tmp_path, unbroken):
    run_dir = tmp_path / "run"
    process = start(run_dir)
    wait_for_training(process)
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    if process.returncode == 0:  # too late: it had finished
        assert_equal_to_the_bit(run_dir, unbroken)
        return
    assert process.returncode == 128 + signal.SIGTERM, output
    assert "stopped by SIGTERM at step" in output
    stopped_at = int(output.split("at step ")[1].split(";")[0])
    assert int(tensors(run_dir)["step/.ATTRIBUTES/VARIABLE_VALUE"]) == stopped_at > 0
    process = start(run_dir)
    output, _ = process.communicate(timeout=300)
    assert f"step {stopped_at} of 240" in output
    assert process.returncode == 0, output
    assert_equal_to_the_bit(run_dir, unbroken)
