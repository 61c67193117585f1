"""Losses on logits, one value an image, in float32.

A recipe names one of `LOSSES`, with its arguments. Labels are distributions, float [B, C]: one-hot,
smoothed or mixed. What evaluation reports is softmax cross-entropy whatever is trained on.
Importing this file loads neither TensorFlow nor NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from zoo.lazy import lazy_module
from zoo.spec import bind, parse_call, require

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

Loss = Callable[["tf.Tensor", "tf.Tensor"], "tf.Tensor"]


def make_loss(spec: str) -> Loss:
    """The loss that `spec` names: labels, logits, float [B, C] -> float32 [B].

    spec: one of
        cross_entropy
        binary_cross_entropy(threshold=0.0)   each class by itself, for mixed labels
        focal(gamma=2, alpha=0.25)
        mean_squared_error         of the softmax probabilities
        huber(delta=0.5)           of the softmax probabilities
        kullback_leibler
        package.module:Name(...)   a function of yours that returns such a loss
    Raises ValueError, in one line, for an unknown name or arguments that cannot be.
    """
    loss = bind(parse_call(spec), LOSSES, "loss")
    if not callable(loss):
        raise ValueError(
            f"loss {spec}: got {type(loss).__name__}; expected a function that returns a function "
            "of labels and logits"
        )
    return loss


def check_loss(spec: str) -> None:
    """Raises ValueError, in one line, where `make_loss` would. Loads no TensorFlow."""
    make_loss(spec)


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


def binary_cross_entropy(threshold: float = 0.0) -> Loss:
    """Mean over the classes of the cross-entropy of sigmoid(logit) against its label (arXiv
    2110.00476). With a threshold in (0, 1) labels above it count as 1 and others as 0: of an image
    that is mixed of two both classes are right."""
    good = type(threshold) in (int, float) and 0 <= threshold < 1
    require(good, "binary_cross_entropy", "threshold", threshold, "0 to less than 1")

    def loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        labels, logits = _float32(labels, logits)
        if threshold:
            labels = tf.cast(labels > threshold, tf.float32)
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits), 1
        )

    return loss


def prior_bias(num_classes: int) -> float:
    """-ln(num_classes): the logit of about 1 / num_classes. From classifiers that start with it,
    binary cross-entropy begins at about (1 + ln(num_classes)) / num_classes, not at ln 2 for each
    class, and the first steps need not make nearly all answers no."""
    return -math.log(num_classes)


def focal(gamma: float = 2.0, alpha: float = 0.25) -> Loss:
    """alpha * (1 - p) ** gamma * cross-entropy, summed over classes (arXiv 1708.02002), where p is
    the softmax probability, as Keras' CategoricalFocalCrossentropy. gamma 0 or more, alpha over 0.
    """
    good = type(gamma) in (int, float) and 0 <= gamma < math.inf
    require(good, "focal", "gamma", gamma, "0 or more")
    good = type(alpha) in (int, float) and 0 < alpha < math.inf
    require(good, "focal", "alpha", alpha, "a number over 0")

    def loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        labels, logits = _float32(labels, logits)
        log_p = tf.nn.log_softmax(logits)
        # 1 - p from log_p: computed from p it is rounded to 0 where the model is sure, and the
        # gradient of its root (gamma below 1) is infinite there.
        rest = tf.maximum(-tf.math.expm1(log_p), 1e-30)
        return -alpha * tf.reduce_sum(labels * rest**gamma * log_p, 1)

    return loss


def mean_squared_error(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean over the classes of (softmax probability - label) squared: Brier's score / C."""
    labels, logits = _float32(labels, logits)
    return tf.reduce_mean(tf.square(tf.nn.softmax(logits) - labels), 1)


def huber(delta: float = 0.5) -> Loss:
    """Half the squared error of the softmax probabilities, linear beyond an error of `delta` in
    (0, 1) (Huber 1964); the mean over the classes."""
    good = type(delta) in (int, float) and 0 < delta < 1
    require(good, "huber", "delta", delta, "a number in (0, 1)")

    def loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        labels, logits = _float32(labels, logits)
        gap = tf.abs(tf.nn.softmax(logits) - labels)
        near, far = 0.5 * tf.square(gap), delta * (gap - 0.5 * delta)
        return tf.reduce_mean(tf.where(gap <= delta, near, far), 1)

    return loss


def kullback_leibler(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The divergence of softmax(logits) from the labels, in nats: cross-entropy less the labels'
    own entropy, so 0 at best, with the same gradient."""
    labels, logits = _float32(labels, logits)
    entropy = -tf.reduce_sum(tf.math.xlogy(labels, labels), 1)
    return softmax_cross_entropy(labels, logits) - entropy


def class_weights(spec: str, labels: np.ndarray, num_classes: int) -> tuple[float, ...]:
    """One factor a class: the numbers of `spec`, or for "balanced" N / (classes * images of the
    class), so that each class counts the same and the mean over the images is 1; () for "".

    labels: int [N], of the training images.
    Raises ValueError, in one line, for another number of them, or a class without images.
    """
    if spec == "balanced":
        counts = np.bincount(labels, minlength=num_classes)
        if not counts.all():
            raise ValueError(
                f"--class_weights: got balanced, and no training image of class "
                f"{int(np.argmin(counts))}; expected some of each"
            )
        return tuple(len(labels) / (num_classes * counts))
    weights = tuple(float(part) for part in spec.split(",") if part)
    if weights and len(weights) != num_classes:
        raise ValueError(
            f"--class_weights: got {len(weights)} numbers; expected one for each of the "
            f"{num_classes} classes"
        )
    return weights


LOSSES: dict[str, Callable[..., Loss]] = {
    "cross_entropy": lambda: softmax_cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "focal": focal,
    "mean_squared_error": lambda: mean_squared_error,
    "huber": huber,
    "kullback_leibler": lambda: kullback_leibler,
}


def _float32(*tensors: tf.Tensor) -> list[tf.Tensor]:
    return [tf.cast(tensor, tf.float32) for tensor in tensors]
