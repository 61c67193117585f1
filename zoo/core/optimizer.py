"""Optimizers as pure functions: each as its paper, or the framework that made it known, has it.

Those of Keras assign variables and keep weight decay apart from the gradient. The step here is a
compiled function without assignments, and the recipes add weight_decay * weight to the gradient
before the momentum, so the rules are written out. Biases and batch-norm parameters are told from
kernels by their rank, 1, not by their name. Importing this file loads no TensorFlow.

In the formulas w is the weight, g its gradient, rate the learning rate, t the number of this
update, from 1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

from zoo.lazy import lazy_module
from zoo.spec import bind, parse_call, require

tf = lazy_module("tensorflow")

Tensors = Mapping[str, "tf.Tensor"]
Slots = dict[str, Tensors]  # name of the slot -> path of the weight -> float32, 0 at the start
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


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """update: (weights, slots, gradients, learning_rate, updates before this one int64)
    -> (weights, slots)."""

    slots: tuple[str, ...]
    update: Callable[..., tuple[Tensors, Slots]]


def sgd() -> Rule:
    """w - rate g."""
    return Rule((), lambda w, g, slots, rate, t, decay: (w - rate * g, {}))


def momentum(momentum: float = 0.9) -> Rule:
    """m = momentum m - rate g; w + m: the rate inside, as MXNet and Keras have it. They differ
    from PyTorch's, outside, while the rate changes."""
    _check_share("momentum", "momentum", momentum)

    def move(w, g, slots, rate, t, decay):
        m = momentum * slots["momentum"] - rate * g
        return w + m, {"momentum": m}

    return Rule(("momentum",), move)


def nesterov(momentum: float = 0.9) -> Rule:
    """m = momentum m - rate g; w + momentum m - rate g: Sutskever et al. 2013's form of
    Nesterov's accelerated gradient, as MXNet's NAG and Keras' SGD have it."""
    _check_share("nesterov", "momentum", momentum)

    def move(w, g, slots, rate, t, decay):
        m = momentum * slots["momentum"] - rate * g
        return w + momentum * m - rate * g, {"momentum": m}

    return Rule(("momentum",), move)


def adam(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> Rule:
    """Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1."""
    direction = _adaptive("adam", beta_1, beta_2, epsilon)

    def move(w, g, slots, rate, t, decay):
        d, slots = direction(g, slots, t)
        return w - rate * d, slots

    return Rule(("mean", "square"), move)


def adamw(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> Rule:
    """Adam with decoupled decay (Loshchilov and Hutter 2019, arXiv 1711.05101), by the rate as
    PyTorch and Keras have it: w - rate (direction + decay w)."""
    direction = _adaptive("adamw", beta_1, beta_2, epsilon)

    def move(w, g, slots, rate, t, decay):
        d, slots = direction(g, slots, t)
        return w - rate * (d + (decay or 0.0) * w), slots

    return Rule(("mean", "square"), move, decays=True)


def adagrad(epsilon: float = 1e-10) -> Rule:
    """s = s + g^2; w - rate g / (sqrt(s) + epsilon): Duchi et al. 2011, as PyTorch has it."""
    _check_over_zero("adagrad", "epsilon", epsilon)

    def move(w, g, slots, rate, t, decay):
        s = slots["square"] + tf.square(g)
        return w - rate * g / (tf.sqrt(s) + epsilon), {"square": s}

    return Rule(("square",), move)


def rmsprop(rho: float = 0.9, momentum: float = 0.9, epsilon: float = 1e-3) -> Rule:
    """s = rho s + (1 - rho) g^2; m = momentum m + rate g / sqrt(s + epsilon); w - m.

    Hinton 2012, in TensorFlow's and Keras' form, which Inception's and MobileNet's papers used:
    epsilon inside the root, the rate inside the momentum.
    """
    _check_share("rmsprop", "rho", rho)
    _check_share("rmsprop", "momentum", momentum)
    _check_over_zero("rmsprop", "epsilon", epsilon)

    def move(w, g, slots, rate, t, decay):
        s = rho * slots["square"] + (1 - rho) * tf.square(g)
        m = momentum * slots["momentum"] + rate * g * tf.math.rsqrt(s + epsilon)
        return w - m, {"square": s, "momentum": m}

    return Rule(("square", "momentum"), move)


def lars(momentum: float = 0.9, trust: float = 0.001) -> Rule:
    """You et al. 2017 (arXiv 1708.03888), algorithm 1: each weight's rate by norms.

    local = trust |w| / (|g| + decay |w|), 1 where a norm is 0; m = momentum m + rate local
    (g + decay w); w - m. Biases without decay: local = 1.
    """
    _check_share("lars", "momentum", momentum)
    _check_over_zero("lars", "trust", trust)

    def move(w, g, slots, rate, t, decay):
        if decay is not None:
            local = _ratio(trust * tf.norm(w), tf.norm(g) + decay * tf.norm(w))
            g = local * (g + decay * w)
        m = momentum * slots["momentum"] + rate * g
        return w - m, {"momentum": m}

    return Rule(("momentum",), move, decays=True)


def lamb(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-6) -> Rule:
    """You et al. 2020 (arXiv 1904.00962), algorithm 2, with phi(z) = z.

    u = Adam's direction + decay w; w - rate |w| / |u| u, the ratio 1 where a norm is 0.
    Biases without decay: the ratio is 1.
    """
    direction = _adaptive("lamb", beta_1, beta_2, epsilon)

    def move(w, g, slots, rate, t, decay):
        u, slots = direction(g, slots, t)
        if decay is not None:
            u = u + decay * w
            u = _ratio(tf.norm(w), tf.norm(u)) * u
        return w - rate * u, slots

    return Rule(("mean", "square"), move, decays=True)


OPTIMIZERS: dict[str, Callable[..., Rule]] = {
    rule.__name__: rule
    for rule in (sgd, momentum, nesterov, adam, adamw, adagrad, rmsprop, lars, lamb)
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
) -> Optimizer:
    """The optimizer that `spec` names, for all weights of a model.

    spec: a name of OPTIMIZERS, as "nesterov(momentum=0.9)", or package.module:Name(...), a function
    of yours that returns a Rule.
    clip_value, clip_norm: gradients are clipped first, each entry to [-clip_value, clip_value],
    then all of them together to the norm clip_norm; 0 does not clip.
    weight_decay, l1_penalty: g + weight_decay w + l1_penalty sign(w) is what the rule gets as the
    gradient of weights of rank 2 and more, or with bias_decay of all weights. With decoupled_decay
    rate * weight_decay * w is taken off the weight instead. Rules that decay by themselves (adamw,
    lars, lamb) get weight_decay as a number.
    rates: factors on the learning rate, by path of the weight; 1 for weights that are not named.

    Raises ValueError, in one line, for an unknown name, arguments that cannot be, or
    `decoupled_decay` with an optimizer that decays by itself.
    """
    rule = _bind(spec, decoupled_decay)
    rates = rates or {}

    def update(weights, slots, gradients, learning_rate, updates):
        gradients = _clipped(gradients, clip_norm, clip_value)
        t = tf.cast(updates + 1, tf.float32)
        new_weights, new_slots = {}, {name: {} for name in rule.slots}
        for path, w in weights.items():
            g, rate = gradients[path], learning_rate * rates.get(path, 1.0)
            decay = weight_decay if bias_decay or w.shape.rank > 1 else None
            if decay is not None:
                g = g + l1_penalty * tf.sign(w) if l1_penalty else g
                g = g if rule.decays or decoupled_decay else g + decay * w
            own = {name: slots[name][path] for name in rule.slots}
            moved, own = rule.move(w, g, own, rate, t, decay)
            if decoupled_decay and decay is not None:
                moved = moved - rate * decay * w
            new_weights[path] = moved
            for name, value in own.items():
                new_slots[name][path] = value
        return new_weights, new_slots

    return Optimizer(rule.slots, update)


def check_optimizer(spec: str, *, decoupled_decay: bool = False) -> None:
    """Raises ValueError, in one line, where `make_optimizer` would. Loads no TensorFlow."""
    _bind(spec, decoupled_decay)


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
    return tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients.values()]))


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


def _adaptive(rule: str, beta_1: float, beta_2: float, epsilon: float) -> Callable:
    """Adam's direction: the running mean of g over the root of that of g^2, both unbiased."""
    _check_share(rule, "beta_1", beta_1)
    _check_share(rule, "beta_2", beta_2)
    _check_over_zero(rule, "epsilon", epsilon)

    def direction(g, slots, t):
        mean = beta_1 * slots["mean"] + (1 - beta_1) * g
        square = beta_2 * slots["square"] + (1 - beta_2) * tf.square(g)
        d = mean / _bias(beta_1, t) / (tf.sqrt(square / _bias(beta_2, t)) + epsilon)
        return d, {"mean": mean, "square": square}

    return direction


def _bias(beta: float, t: tf.Tensor) -> tf.Tensor:
    """1 - beta^t. By expm1: in float32 1 - 0.999^1 has lost four digits."""
    return -tf.math.expm1(t * math.log(beta)) if beta else tf.ones_like(t)


def _ratio(above: tf.Tensor, below: tf.Tensor) -> tf.Tensor:
    """above / below, or 1 where either is 0: a new bias of zeros has to be able to leave them."""
    usable = (above > 0) & (below > 0)
    return tf.where(usable, above / tf.where(usable, below, 1.0), 1.0)


def _check_share(rule: str, name: str, value: object) -> None:
    good = type(value) in (int, float) and 0 <= value < 1
    require(good, rule, name, value, "a number from 0 to less than 1")


def _check_over_zero(rule: str, name: str, value: object) -> None:
    good = type(value) in (int, float) and 0 < value < math.inf
    require(good, rule, name, value, "a number over 0")
