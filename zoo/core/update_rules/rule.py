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
    weight decay itself; otherwise it is added to the gradient before.
    """

    slots: tuple[str, ...]
    move: Move
    decays: bool = False


def check_share(rule: str, name: str, value: object) -> None:
    good = type(value) in (int, float) and 0 <= value < 1
    require(good, rule, name, value, "a number from 0 to less than 1")


def check_over_zero(rule: str, name: str, value: object) -> None:
    good = type(value) in (int, float) and 0 < value < math.inf
    require(good, rule, name, value, "a number over 0")
