"""Native host operations and TensorFlow's own: equal results, and who takes which, and why."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import difference, encode
from launch import NOTES, ROOT, run_module

from zoo.data import crop_and_resize, train_batches
from zoo.data.crop import random_resized_window
from zoo.data.host_ops import choose, load_ops
from zoo.data.methods import METHODS
from zoo.data.native import c_api, op
from zoo.data.native.filters import FILTERS
from zoo.data.resize import resize

BOTH = ("native", "tensorflow")


def test_the_native_operations_know_all_methods():
    assert tuple(FILTERS) == METHODS


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(1, 5000), width=st.integers(1, 5000), seed=st.integers(0, 2**31 - 1),
    area=st.tuples(*[st.floats(0.01, 1)] * 2).map(sorted),
    ratio=st.tuples(*[st.floats(0.2, 5)] * 2).map(sorted),
    least=st.sampled_from([0, 1, 20, 224]),
)
def test_the_same_windows_and_parts_of_a_jpeg(height, width, seed, area, ratio, least):
    draws = tf.random.stateless_uniform([10, 4], [seed, 1])
    size = tf.constant([height, width])
    windows = [load_ops(ops).random_resized_window(size, draws, area, ratio) for ops in BOTH]
    np.testing.assert_array_equal(*windows)
    native, plain = (load_ops(ops).jpeg_part(windows[0], least) for ops in BOTH)
    for got, want in zip(plain, native, strict=True):
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("kind", "size"), [
    ("JPEG", 30), ("JPEG", 96), ("JPEG", 260),  # decoded at a quarter, at a half, whole
    ("PNG", 96), ("array", 150),
])
@pytest.mark.parametrize("method", METHODS)
def test_the_same_pixels_of_files_and_arrays(photos, method, kind, size):
    image = tf.constant(photos[0] if kind == "array" else encode(photos[0], kind))

    @tf.function
    def crop(seed, ops):
        window = functools.partial(
            random_resized_window, area=(0.2, 0.9), ratio=(0.6, 1.6), seed=seed, host_ops=ops
        )
        return crop_and_resize(image, size, 3, window, method, ops)

    for number in range(4):
        native, plain = (crop(tf.constant([number, 7]), ops) for ops in BOTH)
        assert native.shape == plain.shape == (size, size, 3)
        gap = difference(native, plain)
        assert gap.max() <= 1 and gap.mean() < 0.02


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(3, 427, 400, 3), (2, 3, 50, 90, 1), (1, 1, 3), (2, 700, 1)])
def test_the_same_pixels_of_whole_images(photos, method, shape):
    images = np.resize(photos[1][:400], shape)
    for size in (1, 17, 224):
        native, plain = (resize(tf.constant(images), size, method, ops) for ops in BOTH)
        assert native.shape == plain.shape == (*shape[:-3], size, size, shape[-1])
        assert difference(native, plain).max() <= 1


@pytest.mark.parametrize("options", [
    {}, {"crop_area": None}, {"scale_jitter": (30, 60)}, {"resizing": "bicubic"}
])
@pytest.mark.parametrize("kind", ["mnist5k", "folder", "tfrecord-uncached"])
def test_the_same_training_batches(opened, kind, options):
    split = opened[kind].splits["train"]
    options = {"image_size": 24, "channels": 3, "batch_size": 16, "seed": 3} | options
    batches = [train_batches(split, host_ops=ops, **options).take(2) for ops in BOTH]
    for (images, labels), (plain, plain_labels) in zip(*batches, strict=True):
        np.testing.assert_array_equal(labels, plain_labels)
        assert difference(images, plain).max() <= 1


@pytest.mark.parametrize("ops", BOTH)
@pytest.mark.parametrize("box", [
    (-1, 0, 5, 5), (0, -0.5, 5, 5), (0, 0, 0, 5), (0, 0, 5, -1), (0, 0, 10.5, 5), (6, 0, 5, 5),
    (0, 8, 5, 12.1), (np.nan, 0, 5, 5), (0, 0, np.inf, 5), (0, 0, 5, np.nan),
])
def test_a_box_that_is_not_within_the_image_is_an_error(ops, box):
    image = tf.zeros([10, 20, 3], tf.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="box is not within the images, or em"):
        load_ops(ops).resample(image, tf.constant(box, tf.float32), 4, "area")


def test_what_is_chosen(monkeypatch):
    assert choose("native") == choose("auto") == ("native", "")
    assert choose("tensorflow") == ("tensorflow", "")
    assert load_ops("auto").__name__ == "zoo.data.native.ops"
    assert load_ops("tensorflow").__name__ == "zoo.data.tensorflow_ops"
    with pytest.raises(ValueError, match=r"^unknown host_ops, got 'c'; expected one of \['auto'"):
        choose("c")


# Runs the rest of the command line as a module, where ...
HIDING = {
    "numba": ("import sys\nsys.modules['numba'] = None\n", "ModuleNotFoundError: import of numba"),
    "library": (
        "import tensorflow as tf\ntf.sysconfig.get_lib = lambda: '/nowhere'\n",
        "ImportError: no libtensorflow_framework in /nowhere; expected a TensorFlow package",
    ),
}
RUN = "import runpy, sys\ndel sys.argv[0]\nrunpy.run_module(sys.argv[0], run_name='__main__')\n"


def run_hiding(folder, what, *arguments):
    (folder / f"without_{what}.py").write_text(HIDING[what][0] + RUN)
    return run_module(f"without_{what}", *arguments, cwd=folder)


@pytest.mark.parametrize("what", HIDING)
def test_a_training_without_the_native_operations(tmp_path, what):
    command = ["recipes.lenet5", "--train_images=256", "--epochs=1", "--warmup_epochs=0",
               "--crop_area=0.5,1", "--noexport", f"--run_dir={tmp_path / 'run'}"]
    done = run_hiding(tmp_path, what, *command)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("host operations: ")]
    assert line.startswith("host operations: TensorFlow's own, because the native ones cannot be "
                           f"had ({HIDING[what][1]}")
    assert (tmp_path / "run" / "summary.json").is_file()

    done = run_hiding(tmp_path, what, *command[:-1], "--host_ops=native",
                      f"--run_dir={tmp_path / 'other'}")
    assert done.returncode == 2
    line = done.stderr.removeprefix(NOTES.decode())
    assert line.startswith(f"error: host_ops cannot be native here ({HIDING[what][1]}")
    assert len(line.splitlines()) == 1 and not (tmp_path / "other").exists()


TWICE = """
import gc, importlib, sys
import tensorflow as tf
from zoo.data.native import ops as first

def answers(ops):
    image = tf.reshape(tf.cast(tf.range(40 * 50 * 3) % 251, tf.uint8), [40, 50, 3])
    size, draws = tf.constant([40, 50]), tf.fill([3, 4], 0.4)
    window = ops.random_resized_window(size, draws, (0.1, 1), (1, 2))
    part, box, _ = ops.jpeg_part(window, 9)
    resized = ops.resample(image, tf.constant([1.0, 2, 30, 33]), 20, "area")
    return [tensor.numpy().tolist() for tensor in (window, part, box, resized)]

want = answers(first)
for name in ("c_api", "op", "filters", "resample", "window", "ops"):
    importlib.reload(sys.modules[f"zoo.data.native.{name}"])
assert answers(sys.modules["zoo.data.native.ops"]) == want
for name in [name for name in sys.modules if name.startswith("zoo.data.native")]:
    del sys.modules[name]
second = importlib.import_module("zoo.data.native.ops")
assert second is not first
gc.collect()
assert answers(second) == want
del first
gc.collect()
assert answers(second) == want
print("alive")
"""


def test_a_second_registration_is_harmless():
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and done.stdout == "alive\n", done.stderr


def test_a_name_that_another_operation_has_is_an_error():
    load_ops("native")
    with pytest.raises(RuntimeError, match="TensorFlow has another operation ZooResample already, "
                                           "images: uint8 box: float32 .* -> resized: uint8; exp"):
        op.register_op("ZooResample", ["images: uint8"], ["resized: uint8"], None)
    with pytest.raises(RuntimeError, match="TensorFlow has another operation MatMul already"):
        op.register_op("MatMul", ["a: float32"], ["b: float32"], None)


@op.compiled
def _set_status(status: int, text: int) -> None:
    c_api.set_status(status, 5, text)


def test_a_bad_status_is_told():
    text = op.c_string("no such thing")
    with pytest.raises(RuntimeError, match="^TensorFlow: no such thing$"):
        c_api.check(lambda status: _set_status(status, text.ctypes.data))
    c_api.check(lambda status: None)


def _compute(_: int, __: int) -> None:
    c_api.delete_status(c_api.new_status())


def test_compiled_code_is_kept_for_the_next_process(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    assert [op.kernel(_compute).cache_hits for _ in range(2)] == [0, 1]
    for file in tmp_path.glob("compiled/*/*/*"):
        file.write_bytes(file.read_bytes()[:20])
    assert [op.kernel(_compute).cache_hits for _ in range(3)] == [0, 0, 1]
    monkeypatch.setattr(op.numba, "__version__", "another")
    assert op.kernel(_compute).cache_hits == 0
    assert len(list(tmp_path.glob("compiled/*"))) == 2


def test_code_that_cannot_be_kept_is_compiled_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
    assert op.kernel(_compute).address and not op.kernel(_compute).cache_hits


def test_an_array_of_the_right_size_needs_no_operations(tmp_path):
    """So that a run on digits as they are does not wait for the compiler."""
    (tmp_path / "digits.py").write_text("""
import sys
from zoo.data import open_source, train_batches
split = open_source("mnist5k").splits["train"]
next(iter(train_batches(split, image_size=28, channels=1, batch_size=8, seed=0, crop_area=None)))
print("zoo.data.native.ops" in sys.modules)
""")
    done = run_module("digits", cwd=tmp_path)
    assert done.stdout == "False\n", done.stderr
