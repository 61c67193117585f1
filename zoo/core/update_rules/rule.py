"""The rule of one weight: what an optimizer is made of, and the checks of its arguments.

In the formulas of this folder w is the weight, g its gradient, rate the learning rate, t the number
of this update, from 1. Importing this folder loads no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from zoo.lazy import lazy_module
from zoo.spec import require

tf = lazy_module("tensorflow")

# move(w, g, slots of this weight, rate, t float32, decay) -> (new weight, its new slots).
# decay: the weight decay; None for a bias, which has neither decay nor a rate by its norm.
Move = Callable[..., tuple["tf.Tensor", dict[str, "tf.Tensor"]]]


@dataclasses.dataclass(frozen=True)
class Rule:
    """How one weight moves: what an optimizer's function returns.

    slots: names of what is kept of each weight, 0 at the start. decays: whether `move` applies the
    weight decay itself; otherwise it is added to the gradient before. classifier: how the weights
    of the classifiers move instead; None: as all others. scalars: those of `slots` that are one
    number a weight. evaluated: (w, slots of this weight) -> what is evaluated in place of w; None:
    w itself.
    """

    slots: tuple[str, ...]
    move: Move
    decays: bool = False
    classifier: Move | None = None
    scalars: tuple[str, ...] = ()
    evaluated: Callable[..., tf.Tensor] | None = None


def cautious_direction(direction: tf.Tensor, g: tf.Tensor) -> tf.Tensor:
    """`direction` where its sign is that of the gradient, and 0 elsewhere; what stays is enlarged
    by one over its share, which counts as 0.001 at least: "Cautious Optimizers" (Liang et al. 2024,
    arXiv 2411.16085), as timm has it."""
    agrees = tf.cast(direction * g > 0, direction.dtype)
    return direction * agrees / tf.maximum(tf.reduce_mean(agrees), 1e-3)


def ratio(above: tf.Tensor, below: tf.Tensor) -> tf.Tensor:
    """above / below, or 1 where either is 0: a new bias of zeros has to be able to leave them."""
    usable = (above > 0) & (below > 0)
    return tf.where(usable, above / tf.where(usable, below, 1.0), 1.0)


def check_share(rule: str, name: str, value: object) -> None:
    good = type(value) in (int, float) and 0 <= value < 1
    require(good, rule, name, value, "a number from 0 to less than 1")


def check_over_zero(rule: str, name: str, value: object) -> None:
    good = type(value) in (int, float) and 0 < value < math.inf
    require(good, rule, name, value, "a number over 0")


def check_bool(rule: str, name: str, value: object) -> None:
    require(type(value) is bool, rule, name, value, "True or False")


def check_not_negative(rule: str, name: str, value: object) -> None:
    good = type(value) in (int, float) and 0 <= value < math.inf
    require(good, rule, name, value, "a number of 0 or more")
