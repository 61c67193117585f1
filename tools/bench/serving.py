"""Milliseconds that a SavedModel takes to answer one image, and what a large picture takes.

    python -m tools.bench.serving --model=efficientnet_lite0 --weights=imagenet

The signatures take turns, each with one image, in one process; scikit-learn's photograph of a
flower (640x427 pixels, a JPEG of 142 kB) goes in as its bytes, or resized. Prints a Markdown row
each: the 50th and 99th of 100 shares of the times, after 20 calls that do not count. Then the peak
of memory that a PNG of 20,000x5,000 pixels adds to the process, and its time.
"""

import io
import resource
import tempfile
import time
from pathlib import Path

from absl import flags

from zoo.cli import import_tensorflow, run_tool

MODEL = flags.DEFINE_string("model", "efficientnet_lite0", "architecture")
WEIGHTS = flags.DEFINE_string("weights", "imagenet", "of the model")
CALLS = flags.DEFINE_integer("calls", 300, "timed calls of each signature", lower_bound=100)
_WARMUP = 20


def main() -> None:
    import_tensorflow()
    import numpy as np
    import PIL.Image
    import sklearn.datasets
    import tensorflow as tf

    import zoo
    from zoo.export.exporting import export_model

    model = zoo.create_model(MODEL.value, weights=WEIGHTS.value)
    known = model.preprocessing
    photo = Path(sklearn.datasets.load_sample_images().filenames[1]).read_bytes()
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[photo]))
    example = tf.train.Example(features=tf.train.Features(feature={"image/encoded": value}))
    levels = np.zeros([1, known.image_size, known.image_size, len(known.mean)], np.uint8)
    with tempfile.TemporaryDirectory() as out:
        loaded = tf.saved_model.load(str(export_model(model, out)))
    asked = {
        "encoded": {"image_bytes": tf.constant([photo])},
        "examples": {"examples": tf.constant([example.SerializeToString()])},
        "serving_default": {"images": tf.constant(levels, tf.float32)},
        "uint8": {"images": tf.constant(levels)},
        "without_names": {"images": tf.constant(levels, tf.float32)},
    }
    seconds = {name: [] for name in asked}
    for _ in range(_WARMUP + CALLS.value):
        for name, inputs in asked.items():
            started = time.perf_counter()
            loaded.signatures[name](**inputs)["probabilities"].numpy()
            seconds[name].append(time.perf_counter() - started)
    print(f"{MODEL.value} at {known.image_size} pixels, batch 1, n = {CALLS.value}\n\n"
          "| signature | p50 ms | p99 ms |\n| --- | --- | --- |")
    for name, each in seconds.items():
        p50, p99 = np.percentile(each[_WARMUP:], [50, 99]) * 1e3
        print(f"| {name} | {p50:.1f} | {p99:.1f} |")
    file = io.BytesIO()
    PIL.Image.new("1", (20_000, 5_000)).save(file, "PNG")
    before, started = _peak(), time.perf_counter()
    loaded.signatures["encoded"](image_bytes=tf.constant([file.getvalue()]))
    print(f"\na PNG of 20,000x5,000: {time.perf_counter() - started:.1f} s, "
          f"+{_peak() - before:.0f} MB")


def _peak() -> float:
    """Megabytes, of this process, since it began."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    run_tool(main, __doc__)
