"""Which examples a training batch holds follows from its step.

It is a row of the permutation that belongs to (seed, epoch). So a run that starts at step k does
not go through the steps before it, and what it gets is what an unbroken run got.
"""

from __future__ import annotations

import hashlib

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_PIECE = 1000  # steps


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
    """Full batches in an epoch: what is left over is not shown, and differs from epoch to epoch.

    Raises:
      ValueError: `batch_size` below 1 or above the number of examples.
    """
    if not 1 <= batch_size <= num_examples:
        raise ValueError(f"batch_size out of range, got {batch_size}; expected "
                         f"1..{num_examples}, the number of training examples")
    return num_examples // batch_size


def batch_order(
    num_examples: int, batch_size: int, seed: int, start_step: int, repeats: int = 1
) -> tf.data.Dataset:
    """What each batch shows, from `start_step` on: (index, view), both int64 [batch_size].

    The view is the number of the epoch: an example is shown once in each. With `repeats` (repeated
    augmentation, Hoffer et al. 2019, arXiv 1901.09335) an epoch shows the first part of its
    permutation, each example as often, one behind the other and as views of their own: epoch *
    repeats + 0, 1, ... An epoch is as long as without.

    A permutation for each epoch takes 8 bytes an example. TensorFlow's RandomIndexShuffle would
    take none, but is no fair shuffle: some orders of 8 examples come up far more often than others.

    The stream comes in pieces of at most `_PIECE` steps, which a tf.data service hands out to its
    workers; each piece makes the permutation anew.
    """
    steps = steps_per_epoch(num_examples, batch_size)
    pieces = -(-steps // _PIECE)
    key = key_of(seed, "order")
    first_epoch, first_step = divmod(start_step, steps)
    first_piece = first_epoch * pieces + first_step // _PIECE

    def batches(piece: tf.Tensor) -> tf.data.Dataset:
        epoch = piece // pieces
        order = tf.random.experimental.stateless_shuffle(
            tf.range(num_examples, dtype=tf.int64), seed=tf.stack([key, epoch])
        )
        shown = steps * batch_size
        order = tf.repeat(order[: -(-shown // repeats)], repeats)[:shown]
        views = epoch * repeats + tf.range(shown, dtype=tf.int64) % repeats
        order, views = (tf.reshape(each, [steps, batch_size]) for each in (order, views))
        start = piece % pieces * _PIECE
        stop = start + _PIECE
        start = tf.where(piece == first_piece, tf.cast(first_step, tf.int64), start)
        return tf.data.Dataset.from_tensor_slices((order[start:stop], views[start:stop]))

    # Not Dataset.counter, which a tf.data service cannot divide.
    return tf.data.Dataset.range(first_piece, tf.int64.max).flat_map(batches)


def key_of(seed: int, use: str) -> int:
    """62 bits: the uses of one seed, and neighbouring seeds, share no random numbers."""
    digest = hashlib.blake2b(f"{use} {seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 2
