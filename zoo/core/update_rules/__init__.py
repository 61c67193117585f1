"""Optimizers as rules of one weight, a file a family: see zoo/core/optimizer.py."""

from zoo.core.update_rules.adaptive import adagrad, adam, adamw, nadamw, rmsprop
from zoo.core.update_rules.layerwise import lamb, lars
from zoo.core.update_rules.lion import lion
from zoo.core.update_rules.momentum import momentum, nesterov, sgd
from zoo.core.update_rules.muon import muon
from zoo.core.update_rules.rule import Rule
from zoo.core.update_rules.schedule_free import schedule_free_adamw

__all__ = [
    "Rule",
    "adagrad",
    "adam",
    "adamw",
    "lamb",
    "lars",
    "lion",
    "momentum",
    "muon",
    "nadamw",
    "nesterov",
    "rmsprop",
    "schedule_free_adamw",
    "sgd",
]
