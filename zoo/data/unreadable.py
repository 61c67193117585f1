"""Which image is broken: TensorFlow's decoders say what is wrong, not in which file."""

from __future__ import annotations

from zoo.data.decode import decode_image, is_image
from zoo.data.progress import with_progress
from zoo.data.splits import Split
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")


def find_unreadable(split: Split, rows: np.ndarray | None = None) -> list[str]:
    """Decodes every image, or those at `rows`, and returns the names of those that cannot be."""
    rows = np.arange(split.num_examples) if rows is None else rows
    if not split.encoded:
        return []

    names = []
    for row in with_progress(rows, len(rows), "checking images"):
        index = tf.constant(row, tf.int64)
        try:
            decode_image(split.example(index)[0], 3)
        except (tf.errors.OpError, UnicodeDecodeError):  # an error may quote the bytes
            names.append(split.name(index).numpy().decode())
    return names


def assert_image(encoded: tf.Tensor, split: Split, index: tf.Tensor) -> tf.Tensor:
    """Returns `encoded`, in a graph; fails with the example's name where it is no image at all.

    This costs little and catches empty files and saved error pages; a file that is broken further
    in fails in its decoder, and `find_unreadable` names it.
    """
    def fail() -> tf.Tensor:
        message = tf.strings.join([split.name(index), ": not an image (JPEG, PNG, BMP, GIF, WebP)"])
        with tf.control_dependencies([tf.debugging.Assert(False, [message])]):
            return tf.identity(encoded)

    return tf.cond(is_image(encoded), lambda: tf.identity(encoded), fail)
