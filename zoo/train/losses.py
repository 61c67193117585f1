"""Losses on logits, one value an image, in float32."""

from __future__ import annotations

import tensorflow as tf


def smooth_labels(one_hot: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Label smoothing (Szegedy et al. 2015, arXiv 1512.00567, section 7).

    one_hot: float [B, C], rows summing to 1. Returns (1 - smoothing) * one_hot + smoothing / C:
    the true class keeps 1 - smoothing + smoothing / C.
    """
    return one_hot * (1.0 - smoothing) + smoothing / one_hot.shape[-1]


def softmax_cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy in nats of softmax(logits) against label distributions.

    labels, logits: float [B, C]. Returns float32 [B].
    """
    return tf.nn.softmax_cross_entropy_with_logits(
        tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
    )
