"""The parts of an image file, read in a TensorFlow graph: segments of JPEG, chunks of PNG and WebP.

Nothing that a damaged or hostile file says leads to an error: what is not there is empty.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_MOST_PARTS = 10_000  # that are looked at: a hostile file may have millions


@functools.cache
def traced_once(look: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """`look`, a function of a file's bytes, as a graph of its own.

    So no two decoders trace its hundreds of operations anew. Not put into the graph that calls it,
    where TensorFlow would go through a branch that is not taken, too.
    """
    return tf.function(
        look, autograph=False, input_signature=[tf.TensorSpec([], tf.string)],
        experimental_attributes={"_noinline": True},
    )


def find_part(
    encoded: tf.Tensor, *, start: int, head_size: int, read: Callable[[tf.Tensor], tuple]
) -> tf.Tensor:
    """The bytes behind the head of the wanted part of a file; empty where there is none.

    start: of the first part. read: the position of a part, int64, within the file -> whether
    another part follows it, whether it is the wanted one, how many bytes are behind its head, how
    many there are to the next part.
    """
    end = tf.cast(tf.strings.length(encoded), tf.int64)
    head, none = tf.constant(head_size, tf.int64), tf.constant(0, tf.int64)

    def step(position: tf.Tensor, _: tf.Tensor, __: tf.Tensor) -> tuple[tf.Tensor, ...]:
        goes_on, wanted, size, advance = read(position)
        following = tf.minimum(position + tf.where(wanted, head, advance), end)
        return following, goes_on & ~wanted & (following < end), tf.where(wanted, size, none)

    position, _, size = tf.while_loop(
        lambda _, goes_on, __: goes_on, step,
        (tf.minimum(tf.constant(start, tf.int64), end), tf.constant(True), none),
        maximum_iterations=_MOST_PARTS,
    )
    return tf.strings.substr(encoded, position, tf.maximum(size, 0))


def bytes_at(text: tf.Tensor, start: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """uint8 [count]: bytes of `text` from `start` on, zeros behind its end."""
    end = tf.cast(tf.strings.length(text), tf.int64)
    part = tf.strings.substr(text, tf.minimum(start, end), tf.cast(count, tf.int64))
    return tf.io.decode_raw(part, tf.uint8, fixed_length=tf.cast(count, tf.int32))


def number_of(raw: tf.Tensor, little: tf.Tensor | bool) -> tf.Tensor:
    """uint8 [...,n] -> int64 [...]; little: whether the first byte is the lowest."""
    places = [256**place for place in range(raw.shape[-1])]
    places = tf.where(little, tf.constant(places, tf.int64), tf.constant(places[::-1], tf.int64))
    return tf.reduce_sum(tf.cast(raw, tf.int64) * places, axis=-1)


def equal(raw: tf.Tensor, text: bytes) -> tf.Tensor:
    return tf.reduce_all(raw == tf.constant(list(text), tf.uint8))
