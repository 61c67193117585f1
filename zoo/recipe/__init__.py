"""Recipe: every number of a training run, in one frozen, validated dataclass.

Each field carries its help text, its unit and its check; rules between fields are in rules.py.
Loads no TensorFlow, so that a wrong value is told at once.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from zoo.recipe import checks, rules
from zoo.recipe.data_fields import DataFields
from zoo.recipe.training_fields import TrainingFields


@dataclass(frozen=True)
class Recipe(TrainingFields, DataFields):  # the last one's fields come first
    """The fields' help texts say what they are, with units; zoo/cli.py makes one flag of each.

    Raises ValueError, in one line, for a value that cannot be.
    """

    # True for the recipe of a run that has begun: what it began with may have gone since.
    begun: dataclasses.InitVar[bool] = False

    def __post_init__(self, begun: bool):
        for own in dataclasses.fields(self):
            with rules.named(own.name):
                value = checks.as_type(getattr(self, own.name), type(own.default))
                own.metadata["check"](value)
            object.__setattr__(self, own.name, value)
        rules.check(self, origins=not begun)

    @property
    def peak_rate(self) -> float:
        """The largest learning rate of the run: learning_rate for its own batch size."""
        return self.learning_rate * self.batch_size / self.base_batch_size

    @property
    def leaves_best(self) -> bool:
        """Whether the run leaves the weights of its best evaluation, not of its last."""
        return self.keep == "best" or self.patience > 0

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def difference(self, other: Recipe, *, only_result: bool = False) -> dict[str, tuple]:
        """Fields in which this recipe differs: name -> (value here, value of `other`).

        With `only_result`, leaves out those that change where or how often things are written
        but not what is computed.
        """
        return {
            own.name: (getattr(self, own.name), getattr(other, own.name))
            for own in dataclasses.fields(self)
            if getattr(self, own.name) != getattr(other, own.name)
            and (own.metadata["changes_result"] or not only_result)
        }
