"""Random numbers as functions of a seed, int32 [2]: what the `sample` of an op is made of.

On TensorFlow whatever Keras' backend is. It is loaded at the first draw and may be missing until
then: `apply` runs without it, so that an app on JAX can have the ops.
"""

from __future__ import annotations

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

# Below any share of the batch that matters, and the smallest normal float32.
TINY = 2.0**-126


# Where TensorFlow's stateless random operations read their seeds, also those that run on a GPU.
HOST = "CPU:0"


def fold_in(seed, *numbers):
    """Mixes `numbers` into `seed`, one after another: int32 [2] -> int32 [2]."""
    with tf.device(HOST):
        for number in numbers:
            seed = tf.random.fold_in(seed, number)
        return seed


def split(seed, count: int) -> list:
    """`count` independent seeds."""
    return tf.unstack(tf.random.split(seed, count))


def uniform(seed, shape, low: float = 0.0, high: float = 1.0):
    """float32 in [low, high)."""
    return tf.random.stateless_uniform(shape, seed, low, high)


def integers(seed, shape, count: int):
    """int32 in 0..count-1."""
    return tf.random.stateless_uniform(shape, seed, maxval=count, dtype=tf.int32)


def normal(seed, shape, std: float = 1.0):
    """float32 of mean 0."""
    return tf.random.stateless_normal(shape, seed, stddev=std)


def chance(seed, batch_size: int, rate: float):
    """bool [B], each true with probability `rate`."""
    return uniform(seed, [batch_size]) < rate


def factor(seed, batch_size: int, spread: float):
    """float32 [B] in [1 - spread, 1 + spread)."""
    return uniform(seed, [batch_size], 1.0 - spread, 1.0 + spread)


def permutation(seed, batch_size: int):
    """int32 [B]: the places of a batch in random order."""
    return tf.argsort(uniform(seed, [batch_size]))


def log_gamma(seeds, shape, alpha: float):
    """Logarithms of draws from Gamma(alpha). seeds: two.

    Gamma(alpha) = Gamma(alpha + 1) * U ** (1 / alpha): for a small alpha the draws underflow.
    """
    first, second = seeds
    return (
        tf.math.log(tf.random.stateless_gamma(shape, first, alpha=alpha + 1.0))
        + tf.math.log(uniform(second, shape, TINY)) / alpha
    )


def beta(seeds, shape, alpha: float):
    """float32 in 0..1 from Beta(alpha, alpha). seeds: four."""
    return tf.sigmoid(log_gamma(seeds[:2], shape, alpha) - log_gamma(seeds[2:], shape, alpha))


def dirichlet(seeds, shape, alpha: float):
    """float32, sums of 1 along the last axis, from Dirichlet(alpha, ..., alpha). seeds: two."""
    return tf.nn.softmax(log_gamma(seeds, shape, alpha))
