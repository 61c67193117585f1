"""What a student owes its teacher, one value an image, in float32: the losses of distillation.

A recipe names one of `DISTILLATIONS`, with its arguments. Importing this file loads no TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from zoo.core.losses import kullback_leibler as divergence
from zoo.lazy import lazy_module
from zoo.spec import bind, parse_call, require

tf = lazy_module("tensorflow")

# teacher's logits, student's logits, float [B, C], temperature -> float32 [B].
Distillation = Callable[["tf.Tensor", "tf.Tensor", float], "tf.Tensor"]


def make_distillation(spec: str) -> Distillation:
    """The loss that `spec` names: teacher's logits, student's logits, temperature -> float32 [B].

    spec: one of
        kullback_leibler
        binary_kullback_leibler    each class by itself, for teachers that were trained so
        dist(inter=1, intra=1)
        package.module:Name(...)   a function of yours that returns such a loss
    Raises ValueError, in one line, for an unknown name or arguments that cannot be.
    """
    loss = bind(parse_call(spec), DISTILLATIONS, "distillation")
    if not callable(loss):
        raise ValueError(
            f"distillation {spec}: got {type(loss).__name__}; expected a function that returns a "
            "function of the teacher's logits, the student's and the temperature"
        )
    return loss


def check_distillation(spec: str) -> None:
    """Raises ValueError, in one line, where `make_distillation` would. Loads no TensorFlow."""
    make_distillation(spec)


def kullback_leibler(teacher_logits: tf.Tensor, logits: tf.Tensor, temperature: float) -> tf.Tensor:
    """T^2 times the divergence of softmax(logits / T) from softmax(teacher_logits / T), nats.

    Hinton et al. 2015 (arXiv 1503.02531); the factor T^2 makes the size of the gradients
    independent of T. The paper has the cross-entropy, with the same gradient; but at T = 20 its
    value is about T^2 ln(C), in the thousands, even where the logits are the teacher's.
    """
    teacher, student = _divided(teacher_logits, logits, temperature)
    return temperature**2 * divergence(tf.nn.softmax(teacher), student)


def binary_kullback_leibler(
    teacher_logits: tf.Tensor, logits: tf.Tensor, temperature: float
) -> tf.Tensor:
    """T^2 times the mean over the classes of the divergence of sigmoid(logit / T) from the
    teacher's, nats: goes with `binary_cross_entropy` (arXiv 2305.15781, section 3.3)."""
    teacher, student = _divided(teacher_logits, logits, temperature)
    labels = tf.sigmoid(teacher)
    gap = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=student)
    least = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=teacher)
    return temperature**2 * tf.reduce_mean(gap - least, 1)


def dist(inter: float = 1.0, intra: float = 1.0) -> Distillation:
    """T^2 (inter (1 - correlation of an image's probabilities with the teacher's) + intra (1 -
    correlation of a class's probabilities over the batch, the mean over the classes)): Huang et
    al. 2022 (arXiv 2205.10536), for teachers far stronger than the student.

    The batch is a replica's, or a micro-batch. Both factors are 0 or more.
    """
    for name, value in (("inter", inter), ("intra", intra)):
        good = type(value) in (int, float) and 0 <= value < math.inf
        require(good, "dist", name, value, "0 or more")

    def loss(teacher_logits: tf.Tensor, logits: tf.Tensor, temperature: float) -> tf.Tensor:
        teacher, student = (
            tf.nn.softmax(each) for each in _divided(teacher_logits, logits, temperature)
        )
        by_image = 1.0 - _correlation(student, teacher, axis=1)
        by_class = 1.0 - tf.reduce_mean(_correlation(student, teacher, axis=0))
        return temperature**2 * (inter * by_image + intra * by_class)

    return loss


def _correlation(one: tf.Tensor, other: tf.Tensor, axis: int) -> tf.Tensor:
    """Pearson's, along `axis`; 0 where one of the two is constant."""
    one, other = (each - tf.reduce_mean(each, axis, keepdims=True) for each in (one, other))
    # As the paper's code: each norm is 1e-8 at least.
    return tf.reduce_sum(
        tf.math.l2_normalize(one, axis, 1e-16) * tf.math.l2_normalize(other, axis, 1e-16), axis
    )


def _divided(*args) -> list[tf.Tensor]:
    *logits, temperature = args
    return [tf.cast(each, tf.float32) / temperature for each in logits]


DISTILLATIONS: dict[str, Callable[..., Distillation]] = {
    "kullback_leibler": lambda: kullback_leibler,
    "binary_kullback_leibler": lambda: binary_kullback_leibler,
    "dist": dist,
}
