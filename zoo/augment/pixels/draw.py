"""Random numbers as functions of a seed, int32 [2]: what the `sample` of an op is made of.

The same ones eagerly, in a graph and compiled by XLA, on each device: TensorFlow's integers from
Philox are, its floats are not, so these are made of the integers.

On TensorFlow whatever Keras' backend is. It is loaded at the first draw and may be missing until
then: `apply` runs without it, so that an app on JAX can have the ops.
"""

from __future__ import annotations

import math

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

# Below any share of the batch that matters, and the smallest normal float32.
TINY = 2.0**-126
# Not "auto_select", by which XLA chooses another one on some devices.
PHILOX = "philox"
TRIES = 12
GAMMA = 2 * TRIES + 1  # numbers for one of Gamma


def fold_in(seed, *numbers):
    """Mixes `numbers`, int32, into `seed`, one after another: int32 [2] -> int32 [2]."""
    for number in numbers:
        seed = tf.random.fold_in(seed, number, alg=PHILOX)
    return seed


def split(seed, count: int) -> list:
    """`count` independent seeds."""
    return tf.unstack(tf.random.split(seed, count, alg=PHILOX))


def uniform(seed, shape, low: float = 0.0, high: float = 1.0):
    """float32 in [low, high)."""
    return _uniform(_bits(seed, shape), low, high)


def integers(seed, shape, count: int):
    """int32 in 0..count-1."""
    return tf.random.stateless_uniform(shape, seed, maxval=count, dtype=tf.int32, alg=PHILOX)


def normal(seed, shape, std: float = 1.0):
    """float32 of mean 0, within 5.3 standard deviations."""
    return std * _normal(_bits(seed, shape))


def chance(seed, batch_size: int, rate: float):
    """bool [B], each true with probability `rate`."""
    return uniform(seed, [batch_size]) < rate


def factor(seed, batch_size: int, spread: float):
    """float32 [B] in [1 - spread, 1 + spread)."""
    return uniform(seed, [batch_size], 1.0 - spread, 1.0 + spread)


def permutation(seed, batch_size: int):
    """int32 [B]: the places of a batch in random order."""
    return tf.argsort(uniform(seed, [batch_size]))


def beta(seed, shape, alpha: float):
    """float32 in 0..1 from Beta(alpha, alpha)."""
    one, other = (_log_gamma(part, alpha) for part in tf.unstack(_bits(seed, [2, GAMMA, *shape])))
    return tf.sigmoid(one - other)


def dirichlet(seed, shape, alpha: float):
    """float32, sums of 1 along the last axis, from Dirichlet(alpha, ..., alpha)."""
    return tf.nn.softmax(log_gamma(seed, shape, alpha))


def log_gamma(seed, shape, alpha: float):
    """Logarithms of draws from Gamma(alpha): for a small alpha the draws underflow."""
    return _log_gamma(_bits(seed, [GAMMA, *shape]), alpha)


def _log_gamma(bits, alpha: float):
    """bits: [GAMMA, ...]. By Marsaglia and Tsang 2000 (ACM TOMS 26, 363), since TensorFlow's own
    has no XLA kernel, for alpha + 1, and Gamma(alpha) = Gamma(alpha + 1) * U ** (1 / alpha).

    All proposals are drawn at once and the first good one is taken; one in twenty is bad at most,
    so that none of TRIES is good once in 10^15 draws.
    """
    x, accepts, last = _normal(bits[:TRIES]), bits[TRIES : 2 * TRIES], bits[-1]
    d = alpha + 1 - 1 / 3
    t = x / math.sqrt(9 * d)
    cube = 3.0 * tf.math.log1p(tf.maximum(t, 2.0**-20 - 1.0))
    # x^2 / 2 + d (1 - (1 + t)^3 + 3 log(1 + t)); near t = 0 the terms of d cancel, but for
    # d (9 t^2 / 2) = x^2 / 2, and a large d would leave nothing but rounding.
    direct = 0.5 * x * x + d * (cube - t * (3.0 + t * (3.0 + t)))
    series = d * t**4 * (-3 / 4 + t * (3 / 5 + t * (-1 / 2 + t * (3 / 7))))
    bound = tf.where(tf.abs(t) < 0.1, series, direct)
    good = (t > -1.0) & (tf.math.log(_uniform(accepts, TINY, 1.0)) < bound)
    taken = tf.argmax(tf.cast(good, tf.int32), 0, output_type=tf.int32)
    cube = tf.reduce_sum(cube * tf.one_hot(taken, TRIES, axis=0), 0)
    return math.log(d) + cube + tf.math.log(_uniform(last, TINY, 1.0)) / alpha


def _uniform(bits, low: float, high: float):
    return low + (high - low) * tf.cast(bits, tf.float32) * 2.0**-23


def _normal(bits):
    # A half more than the bits: strictly inside (-1, 1).
    return math.sqrt(2.0) * tf.math.erfinv((tf.cast(bits, tf.float32) + 0.5) * 2.0**-22 - 1.0)


def _bits(seed, shape):
    """int32 in 0..2^23 - 1. XLA takes 0.3 s to compile one for a CPU: draw many at once."""
    bits = tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg=PHILOX)
    return tf.bitwise.bitwise_and(bits, 2**23 - 1)
