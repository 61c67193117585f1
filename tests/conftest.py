"""What every test needs: a CPU of two logical devices, and no traces of the test before."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from launch import run_module

from zoo.data import open_source

# TensorFlow must not have touched its devices yet: a strategy over ["CPU:0", "CPU:1"] then tries
# out two replicas on any machine.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration(), tf.config.LogicalDeviceConfiguration()],
)

# The machine may be busy: no limit on an example's time. The same examples in each run.
hypothesis.settings.register_profile("zoo", deadline=None, derandomize=True)
hypothesis.settings.load_profile("zoo")


@pytest.fixture(autouse=True)
def float32_policy():
    """A test that sets Keras' dtype policy does not change the tests after it."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """The folder of a short run of the quickstart, by its real command."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = run_module("recipes.lenet5", "--flagfile=quickstart", "--epochs=3", "--keep=last",
                      f"--run_dir={folder}")
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def digits():
    """Training digits in an order that no class goes first in: uint8 [N, 28, 28, 1], int32 [N]."""
    split = open_source("mnist5k").splits["train"]
    order = np.random.default_rng(0).permutation(split.num_examples)  # it is sorted by class
    return split.images[order], split.labels[order]
