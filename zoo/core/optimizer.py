"""Optimizers as pure functions: each as its paper, or the framework that made it known, has it.

Those of Keras assign variables and keep weight decay apart from the gradient. The step here is a
compiled function without assignments, and the recipes add weight_decay * weight to the gradient
before the momentum, so the rules are written out. Biases and batch-norm parameters are told from
kernels by their rank, 1, not by their name. Importing this file loads no TensorFlow.

The rules, a file a family, are in zoo/core/update_rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping

from zoo.core import update_rules
from zoo.core.update_rules import Rule
from zoo.lazy import lazy_module
from zoo.spec import bind, parse_call, require

tf = lazy_module("tensorflow")

Tensors = Mapping[str, "tf.Tensor"]
Slots = dict[str, Tensors]  # name of the slot -> path of the weight -> float32, 0 at the start


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """update: (weights, slots, gradients, learning_rate, updates before this one int64)
    -> (weights, slots).

    scalars: those of `slots` that are one number a weight, not a tensor of its shape. evaluated:
    (weights, slots) -> the weights to evaluate; None where they are the weights themselves.
    """

    slots: tuple[str, ...]
    update: Callable[..., tuple[Tensors, Slots]]
    scalars: tuple[str, ...] = ()
    evaluated: Callable[[Tensors, Slots], Tensors] | None = None


OPTIMIZERS: dict[str, Callable[..., Rule]] = {
    name: getattr(update_rules, name) for name in update_rules.__all__ if name != "Rule"
}


def make_optimizer(
    spec: str,
    *,
    weight_decay: float = 0.0,
    bias_decay: bool = False,
    decoupled_decay: bool = False,
    l1_penalty: float = 0.0,
    clip_norm: float = 0.0,
    clip_value: float = 0.0,
    rates: Mapping[str, float] | None = None,
    decays: Mapping[str, float] | None = None,
    classifiers: Callable[[], Collection[str]] = tuple,
) -> Optimizer:
    """The optimizer that `spec` names, for all weights of a model.

    spec: a name of OPTIMIZERS, as "nesterov(momentum=0.9)", or package.module:Name(...), a function
    of yours that returns a Rule.
    clip_value, clip_norm: gradients are clipped first, each entry to [-clip_value, clip_value],
    then all of them together to the norm clip_norm; 0 does not clip.
    weight_decay, l1_penalty: g + weight_decay w + l1_penalty sign(w) is what the rule gets as the
    gradient of weights of rank 2 and more, or with bias_decay of all weights. With decoupled_decay
    rate * weight_decay * w is taken off the weight instead. Rules that decay by themselves (adamw,
    nadamw, lion, muon, lars, lamb, schedule_free_adamw) get weight_decay as a number.
    decays: the weight decay by path, in place of the above; a bias with 0 has no penalty at all.
    rates: factors on the learning rate, by path of the weight; 1 for weights that are not named.
    classifiers: gives the paths of the classifiers' weights; called where the rule moves these in
    another way (muon).

    Raises ValueError, in one line, for an unknown name, arguments that cannot be, or
    `decoupled_decay` with an optimizer that decays by itself.
    """
    rule = _bind(spec, decoupled_decay)
    rates, decays = rates or {}, decays or {}
    last = frozenset(classifiers()) if rule.classifier else frozenset()

    def update(weights, slots, gradients, learning_rate, updates):
        gradients = _clipped(gradients, clip_norm, clip_value)
        t = tf.cast(updates + 1, tf.float32)
        new_weights, new_slots = {}, {name: {} for name in rule.slots}
        for path, w in weights.items():
            g, rate = gradients[path], learning_rate * rates.get(path, 1.0)
            kernel = w.shape.rank > 1
            decay = weight_decay if bias_decay or kernel else None
            if path in decays:
                decay = decays[path] or (0.0 if kernel else None)
            if decay is not None:
                g = g + l1_penalty * tf.sign(w) if l1_penalty else g
                g = g if rule.decays or decoupled_decay else g + decay * w
            own = {name: slots[name][path] for name in rule.slots}
            move = rule.classifier if path in last else rule.move
            moved, own = move(w, g, own, rate, t, decay)
            if decoupled_decay and decay is not None:
                moved = moved - rate * decay * w
            new_weights[path] = moved
            for name, value in own.items():
                new_slots[name][path] = value
        return new_weights, new_slots

    def evaluated(weights, slots):
        return {
            path: rule.evaluated(w, {name: slots[name][path] for name in rule.slots})
            for path, w in weights.items()
        }

    return Optimizer(rule.slots, update, rule.scalars, evaluated if rule.evaluated else None)


def check_optimizer(spec: str, *, decoupled_decay: bool = False) -> None:
    """Raises ValueError, in one line, where `make_optimizer` would. Loads no TensorFlow."""
    _bind(spec, decoupled_decay)


def evaluates_elsewhere(spec: str) -> bool:
    """Whether the optimizer has weights of its own to evaluate, an average."""
    return _bind(spec, decoupled_decay=False).evaluated is not None


def _bind(spec: str, decoupled_decay: bool) -> Rule:
    rule = bind(parse_call(spec), OPTIMIZERS, "optimizer")
    if not isinstance(rule, Rule):
        raise ValueError(
            f"optimizer {spec}: got {type(rule).__name__}; expected a function that returns a Rule "
            "(zoo/core/optimizer.py)"
        )
    require(
        not (decoupled_decay and rule.decays), spec, "decoupled_decay", decoupled_decay,
        "False: the decay is in its own formula",
    )
    return rule


def global_norm(gradients: Tensors) -> tf.Tensor:
    """float32 scalar: the root of the sum of all squares."""
    return tf.sqrt(squared_norm(gradients))


def squared_norm(gradients: Tensors) -> tf.Tensor:
    """float32 scalar: the sum of all squares."""
    return tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients.values()])


def _clipped(gradients: Tensors, clip_norm: float, clip_value: float) -> Tensors:
    if clip_value:
        gradients = {
            path: tf.clip_by_value(g, -clip_value, clip_value) for path, g in gradients.items()
        }
    if clip_norm:
        # Not g * clip_norm / norm where that is over 1: a norm of 0 would give NaN.
        factor = clip_norm / tf.maximum(global_norm(gradients), clip_norm)
        gradients = {path: g * factor for path, g in gradients.items()}
    return gradients
