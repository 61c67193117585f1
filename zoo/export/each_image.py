"""A function of each image of a batch, some of which cannot be read; operations of a graph alone.

TensorFlow's decoders end the whole call at the first image that is none, and do not say which it
is. `tf.data` knows a way on: it leaves out what fails.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from zoo.data.center_crop import resize_and_center_crop
from zoo.data.decode import decode_image
from zoo.data.stored_size import pixels_of
from zoo.weights.preprocessing import Preprocessing

# Of a picture that is decoded: 300 MB. Another one is refused, before any memory is taken for it.
MOST_PIXELS = 10**8
_AT_ONCE = 4  # pictures that are decoded
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF")


def network_images(image_bytes: tf.Tensor, known: Preprocessing) -> tuple[tf.Tensor, tf.Tensor]:
    """string [B], the bytes of files -> uint8 [B, S, S, C], as the network sees them, and string
    [B]: why a file cannot be read, "" where it can. Images of files that cannot are black."""
    shape = [known.image_size, known.image_size, len(known.mean)]

    def fit(encoded: tf.Tensor) -> tf.Tensor:
        image = decode_image(encoded, shape[2], known.orientation)
        return resize_and_center_crop(
            image, known.image_size, known.eval_resize, known.resizing
        )

    def fit_or_refuse(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        too_large = pixels_of(encoded) > MOST_PIXELS
        black = tf.zeros(shape, tf.uint8)
        return tf.cond(too_large, lambda: black, lambda: fit(encoded)), too_large

    default = (tf.zeros(shape, tf.uint8), False)
    (images, too_large), decoded = attempted(fit_or_refuse, image_bytes, default)
    starts = [tf.strings.substr(image_bytes, 0, len(start)) == start for start in _STARTS]
    errors = tf.where(
        tf.reduce_any(starts, axis=0), "truncated or damaged", "no JPEG, PNG, GIF, BMP or WebP"
    )
    errors = tf.where(image_bytes == "", "empty", errors)
    errors = tf.where(decoded, "", errors)
    return images, tf.where(too_large, f"more than {MOST_PIXELS} pixels", errors)


def bytes_of_examples(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """string [B], serialized tf.train.Example with image/encoded -> string [B], the bytes of the
    files, and bool [B]: whether there is such a value."""
    features = {"image/encoded": tf.io.FixedLenFeature([], tf.string)}

    def parse(example: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_single_example(example, features)["image/encoded"]

    return attempted(parse, examples, tf.constant(""))


def attempted(function: Callable, rows: tf.Tensor, default):
    """`function` of each row, in a batch, and bool [B]: whether it succeeded; else it is `default`.

    function: a row of `rows` [B, ...] -> tensors of a structure whose shapes are known.
    default: of that structure.
    """
    count = tf.shape(rows, tf.int64)[0]
    tried = tf.data.Dataset.from_tensor_slices(rows).enumerate(1)
    tried = tried.map(
        lambda place, row: (place, function(row)), num_parallel_calls=_AT_ONCE, deterministic=False
    ).ignore_errors()
    # In front of them the default, so that there is a batch where all fail.
    default = tf.data.Dataset.from_tensors((tf.constant(0, tf.int64), default))
    options = tf.data.Options()
    options.autotune.enabled = False
    places, results = (
        default.concatenate(tried).batch(count + 1).with_options(options).get_single_element()
    )
    found = tf.range(tf.size(places, tf.int64), dtype=tf.int64)
    where = tf.scatter_nd(places[:, None], found, [count + 1])[1:]
    return tf.nest.map_structure(lambda result: tf.gather(result, where), results), where > 0
