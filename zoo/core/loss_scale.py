"""Dynamic loss scaling for float16 (Micikevicius et al., arXiv 1710.03740)."""

from __future__ import annotations

import tensorflow as tf

INITIAL_SCALE = 2.0**15
GROWTH_STEPS = 2000  # finite steps in a row before the scale doubles, as in TensorFlow, PyTorch


def next_scale(
    scale: tf.Tensor, finite_steps: tf.Tensor, finite: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scale and count for the next step: halved after a non-finite gradient, doubled after
    GROWTH_STEPS finite ones in a row.

    scale: float32 scalar; finite_steps: int64 scalar; finite: bool scalar, of this step.
    """
    finite_steps = tf.where(finite, finite_steps + 1, 0)
    grows = finite_steps >= GROWTH_STEPS
    # Infinity would stay: halved, it is infinity again.
    grown = tf.where(grows & tf.math.is_finite(scale * 2.0), scale * 2.0, scale)
    # 1 is the floor: a loss that overflows unscaled cannot be saved by scaling.
    scale = tf.where(finite, grown, tf.maximum(scale * 0.5, 1.0))
    return scale, tf.where(grows, tf.zeros_like(finite_steps), finite_steps)
