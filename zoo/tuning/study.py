"""The trials of a sweep in a file of Optuna's (SQLite): what was tried, what came of it, what next.

Each proposal has an index. Its random numbers are a function of (seed, index), so a sweep that was
killed and goes on proposes what an unbroken one does. What was in progress then is marked failed
and tried again, as a new trial of the same index and values.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.recipe import Recipe
from zoo.recipe.file import from_json, packages_of
from zoo.spec import bind, parse_call
from zoo.tuning.space import Choice, Integers, Parameter

if TYPE_CHECKING:
    import optuna

MOST_OF_A_GRID = 10_000
PROPOSAL = "proposal"  # a trial's attribute: its index, and its values as Optuna keeps them


@dataclass(frozen=True)
class Proposer:
    """What proposes values: the whole grid, or a sampler of Optuna's made from a seed."""

    name: str
    sampler: Callable[[int], optuna.samplers.BaseSampler] | None = None


def parse_sampler(spec: str) -> Proposer:
    """grid, random or tpe(startup=10): that many at random before the first that learns.

    Raises ValueError for another.
    """
    def tpe(startup: int = 10) -> Proposer:
        if type(startup) is not int or startup < 1:
            raise ValueError(f"got tpe(startup={startup!r}); expected a whole number of 1 or more")
        return Proposer("tpe", lambda seed: import_optuna().samplers.TPESampler(
            seed=seed, n_startup_trials=startup
        ))

    return bind(parse_call(spec), {
        "grid": lambda: Proposer("grid"),
        "random": lambda: Proposer(
            "random", lambda seed: import_optuna().samplers.RandomSampler(seed=seed)
        ),
        "tpe": tpe,
    }, "sampler")


def parse_pruner(spec: str) -> optuna.pruners.BasePruner:
    """none, median(trials=5, epochs=1) or halving(factor=4, epochs=1).

    median ends a trial whose best so far is under the median of the others at that epoch, once
    `trials` have finished and from the end of epoch `epochs` on. halving (asynchronous successive
    halving, Li et al. 2018, arXiv 1810.05934) lets 1 in `factor` go on at epoch epochs * factor**k,
    k = 0, 1, ...

    Raises ValueError for another.
    """
    pruners = import_optuna().pruners
    return bind(parse_call(spec), {
        "none": lambda: pruners.NopPruner(),
        "median": lambda trials=5, epochs=1: pruners.MedianPruner(trials, epochs),
        "halving": lambda factor=4, epochs=1: pruners.SuccessiveHalvingPruner(epochs, factor),
    }, "pruner")


def import_optuna():
    """Raises ValueError, in one line, where it is not installed."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error}; expected pip install 'keras-reference-zoo[tune]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class Study:
    """The trials kept in the folder `out`.

    identity: what makes it this sweep and no other, beside recipe and space. Raises ValueError for
    a folder that holds another sweep or something else.
    """

    def __init__(
        self, out: Path, recipe: Recipe, space: dict[str, Parameter], proposer: Proposer, *,
        seed: int, trials: int, pruner: optuna.pruners.BasePruner, identity: dict[str, str],
    ):
        self.space, self.proposer, self.seed, self.trials = space, proposer, seed, trials
        optuna = import_optuna()
        self.states = optuna.trial.TrialState
        kept = out / "sweep.db"
        if not kept.exists() and any(not path.name.startswith(".") for path in out.iterdir()):
            raise ValueError(
                f"--out: {out} holds something else than a sweep; expected a new folder"
            )
        self.optuna = optuna.create_study(
            storage=f"sqlite:///{kept}", study_name="sweep", direction="maximize",
            pruner=pruner, load_if_exists=True,
        )
        self._check_identity(out, recipe, identity | {
            "space": "; ".join(f"{name}={parameter}" for name, parameter in space.items()),
            "sampler_seed": str(seed),
        })
        self._resume()

    def ask(self) -> optuna.Trial | None:
        """The next trial, under way from now on; None where none is left."""
        if not self.optuna.get_trials(deepcopy=False, states=[self.states.WAITING]):
            index = 1 + max(self.attempts(), default=-1)
            if self.proposer.sampler is None or index >= self.trials:
                return None
            self.optuna.sampler = self.proposer.sampler(seed_of(self.seed, index))
        trial = self.optuna.ask({
            name: _distribution(parameter) for name, parameter in self.space.items()
        })
        if PROPOSAL not in trial.user_attrs:  # one that was waiting has it
            trial.set_user_attr(PROPOSAL, {"index": index, "values": trial.params})
        return trial

    def values(self, trial) -> dict[str, object]:
        """The values of a trial, as the recipe takes them."""
        values = trial.user_attrs[PROPOSAL]["values"]
        return {
            name: ast.literal_eval(values[name]) if isinstance(parameter, Choice)
            else values[name]
            for name, parameter in self.space.items()
        }

    def finish(self, trial, value: float | None = None, *, reason: str = "") -> None:
        """Ends a trial: complete with `value`; failed where there is a `reason`; else pruned."""
        if reason:
            trial.set_user_attr("reason", reason)
        state = "COMPLETE" if value is not None else "FAIL" if reason else "PRUNED"
        self.optuna.tell(trial, value, state=self.states[state])

    def attempts(self) -> dict[int, list[optuna.trial.FrozenTrial]]:
        """Index -> its trials, the last of which counts."""
        attempts: dict[int, list] = {}
        for trial in self.optuna.get_trials(deepcopy=False):
            # A kill may come before a trial has its index: then it has not begun.
            if PROPOSAL in trial.user_attrs:
                attempts.setdefault(trial.user_attrs[PROPOSAL]["index"], []).append(trial)
        return dict(sorted(attempts.items()))

    def _check_identity(self, out: Path, recipe: Recipe, identity: dict[str, str]) -> None:
        kept = self.optuna.user_attrs.get("sweep")
        if kept is None:
            self.optuna.set_user_attr("sweep", {**identity, "recipe": recipe.to_json()})
            return
        begun = from_json(
            kept.pop("recipe"), f"the recipe in {out / 'sweep.db'}", trust=packages_of(recipe)
        )
        different = recipe.difference(begun, only_result=True) | {
            name: (text, kept.get(name)) for name, text in identity.items()
            if text != kept.get(name)
        }
        if different:
            changes = "; ".join(
                f"{name} is {here!r} now, {there!r} there"
                for name, (here, there) in different.items()
            )
            raise ValueError(
                f"--out: {out} holds another sweep ({changes}); expected a new folder, or the same "
                "values to go on with it"
            )

    def _resume(self) -> None:
        """Fails what a kill left in progress, and queues it anew; queues a grid."""
        for trial in self.optuna.get_trials(deepcopy=False, states=[self.states.RUNNING]):
            self.optuna.tell(trial.number, state=self.states.FAIL)
        attempts = self.attempts()
        for index, trials in attempts.items():
            if not any(_is_settled(trial) for trial in trials):
                self._queue(index, trials[-1].user_attrs[PROPOSAL]["values"])
        if self.proposer.sampler is None:
            for index, values in enumerate(grid(self.space)):
                if index not in attempts:
                    self._queue(index, values)

    def _queue(self, index: int, values: dict[str, object]) -> None:
        self.optuna.enqueue_trial(
            values, user_attrs={PROPOSAL: {"index": index, "values": values}}
        )


def grid(space: dict[str, Parameter]) -> list[dict[str, object]]:
    """All combinations, in the form in which Optuna keeps them; the last field changes fastest.

    Raises ValueError for more than MOST_OF_A_GRID.
    """
    axes = [parameter.grid() for parameter in space.values()]
    if (count := math.prod(len(axis) for axis in axes)) > MOST_OF_A_GRID:
        raise ValueError(f"--space: got a grid of {count}; expected {MOST_OF_A_GRID} or fewer")
    return [
        {
            name: repr(value) if isinstance(parameter, Choice) else value
            for (name, parameter), value in zip(space.items(), values, strict=True)
        }
        for values in itertools.product(*axes)
    ]


def seed_of(seed: int, index: int) -> int:
    """uint32, another for each proposal of a sweep."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def _is_settled(trial: optuna.trial.FrozenTrial) -> bool:
    # A failure without a reason is a kill's.
    return trial.state.name in ("COMPLETE", "PRUNED", "WAITING") or "reason" in trial.user_attrs


def _distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    distributions = import_optuna().distributions
    if isinstance(parameter, Choice):
        return distributions.CategoricalDistribution([repr(value) for value in parameter.values])
    if isinstance(parameter, Integers):
        return distributions.IntDistribution(parameter.low, parameter.high)
    return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)
