"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

import math

from zoo.core.update_rules.adaptive import adaptive_direction, decoupled
from zoo.core.update_rules.rule import Rule, check_share
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

# Keller Jordan's polynomial a x + b x^3 + c x^5 and number of times: five bring singular values
# from 0.01 and more to between 0.7 and 1.2, which is near enough to 1.
A, B, C = 3.4445, -4.7750, 2.0315
TIMES = 5


def muon(
    momentum: float = 0.95, beta_1: float = 0.9, beta_2: float = 0.95, epsilon: float = 1e-8
) -> Rule:
    """Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon) for kernels, AdamW for all
    else.

    m = momentum m + (1 - momentum) g; O = the orthogonal matrix nearest to
    momentum m + (1 - momentum) g; w - rate (0.2 sqrt(max(rows, columns)) O + decay w). The factor
    gives O the size of AdamW's directions (Liu et al. 2025, arXiv 2502.16982), so that one rate and
    one decay serve both. A convolution's kernel [h, w, in, out] is the matrix [h w in, out].

    Biases, batch-norm's parameters, depthwise kernels, which are no matrices, and the classifiers
    have AdamW's formula, with beta_1, beta_2 and epsilon. "square" stays 0 for matrices.
    """
    check_share("muon", "momentum", momentum)
    other = decoupled("muon", adaptive_direction("muon", beta_1, beta_2, epsilon)).move

    def move(w, g, slots, rate, t, decay):
        columns = w.shape[-1] if w.shape.rank > 1 else 1
        if columns == 1 or columns == w.shape.num_elements():
            return other(w, g, slots, rate, t, decay)
        m = momentum * slots["mean"] + (1 - momentum) * g
        ahead = tf.reshape(momentum * m + (1 - momentum) * g, [-1, columns])
        factor = 0.2 * math.sqrt(max(ahead.shape))
        d = factor * tf.reshape(orthogonal(ahead), w.shape)
        return w - rate * (d + (decay or 0.0) * w), {"mean": m, "square": slots["square"]}

    return Rule(("mean", "square"), move, decays=True, classifier=other)


def orthogonal(x: tf.Tensor) -> tf.Tensor:
    """About U V^T of the singular value decomposition x = U S V^T, float32 [m, n], by Newton and
    Schulz' iteration: products of matrices alone."""
    tall = x.shape[0] > x.shape[1]
    x = tf.transpose(x) if tall else x
    x /= tf.maximum(tf.norm(x), 1e-7)
    for _ in range(TIMES):
        square = tf.matmul(x, x, transpose_b=True)
        x = A * x + tf.matmul(B * square + C * tf.matmul(square, square), x)
    return tf.transpose(x) if tall else x
