"""Process-wide settings, by real processes: they can be made only once in each."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--epochs=1", "--batch_size=100", "--augment=flip|pad_crop(2)|mixup(0.2)",
    "--model_options=dropout=0.2", "--warmup_epochs=0", "--deterministic",
    "--virtual_devices=2", "--export=false",
]


def final_weights(run_dir, *more):
    done = subprocess.run(
        [sys.executable, "-m", "recipes.lenet5", f"--run_dir={run_dir}", *FLAGS, *more],
        cwd=ROOT, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(run_dir / "checkpoints")))
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
        if name.startswith("weights/")
    }


def test_a_deterministic_run_can_be_repeated_to_the_bit_on_two_replicas(tmp_path):
    """Wherever its images lie."""
    one = final_weights(tmp_path / "one")
    two = final_weights(tmp_path / "two", "--data_on_device")
    assert len(one) == 10 and one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(two[name], value, err_msg=name)


def test_a_deterministic_run_takes_max_pooling_on_any_device(tmp_path):
    """XLA refuses its gradient, so "auto" has to leave XLA out."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["UnimplementedError", "[4,", "6,", "6,", "3]"]


PROGRAM = """
import tensorflow as tf
from zoo.core import runtime

runtime.configure(precision="float32", virtual_devices=1, deterministic=True, seed=0)

def gradient(images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(tf.nn.max_pool2d(images, 3, 2, "SAME"))
    return tape.gradient(total, images)

images = tf.random.stateless_uniform([4, 6, 6, 3], [0, 1])
try:
    tf.function(gradient, jit_compile=True)(images)
except tf.errors.OpError as error:
    print(type(error).__name__)
xla = runtime.uses_xla("auto", deterministic=True)
print(tf.function(gradient, jit_compile=xla or None)(images).shape.as_list())
"""
