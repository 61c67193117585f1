"""Optimizers as rules of one weight, a file a family: see zoo/core/optimizer.py."""

from zoo.core.update_rules.adaptive import adagrad, adam, adamw, rmsprop
from zoo.core.update_rules.layerwise import lamb, lars
from zoo.core.update_rules.momentum import momentum, nesterov, sgd
from zoo.core.update_rules.rule import Rule

__all__ = [
    "Rule",
    "adagrad",
    "adam",
    "adamw",
    "lamb",
    "lars",
    "momentum",
    "nesterov",
    "rmsprop",
    "sgd",
]
