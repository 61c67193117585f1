"""A sweep: each trial is a run of its own, watched as it trains and ended early if it is bad."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.recipe import Recipe
from zoo.runs.run_folder import read_records
from zoo.tuning.processes import Job, run_all, threads_each, was_interrupted
from zoo.tuning.study import PROPOSAL, Study
from zoo.tuning.sweep_report import write_report

if TYPE_CHECKING:
    import optuna

OBJECTIVES = {"last": lambda values: values[-1], "best": max}


@dataclass
class Trial:
    """One under way; `values`: validation top-1 after each evaluation so far."""

    optuna: optuna.Trial
    recipe: Recipe
    values: list[float] = dataclasses.field(default_factory=list)
    epoch: int = 0
    is_bad: bool = False


class Sweep:
    """The trials of `study`, trained into folders in `out`.

    command: from a recipe to the command that trains it.
    objective: "last" or "best": which of a run's validation top-1 is to be as high as can be.
    """

    def __init__(
        self, study: Study, recipe: Recipe, out: Path, *, command: Callable[[Recipe], list[str]],
        objective: str, tell: Callable[[str], None] = print,
    ):
        self.study, self.recipe, self.out, self.command = study, recipe, out, command
        self.objective, self.tell = OBJECTIVES[objective], tell
        self.host_threads = recipe.host_threads
        self.running: dict[Path, Trial] = {}

    def run(self, at_once: int) -> int:
        """Trains what is left, `at_once` at a time, and writes the report into the folder.

        Returns 0, 1 where no trial came to its end, or 128 + the signal that stopped it. Raises
        ValueError for what a run said of its input: data that is not there for one trial is not
        there for the next.
        """
        threads = threads_each(at_once)
        self.host_threads = self.recipe.host_threads or threads or 0
        exit_code = run_all(
            self._jobs(), at_once=at_once, threads=threads, watch=self._watch, ended=self._ended
        )
        succeeded = write_report(self.study, self.out, lambda values: self.command(
            dataclasses.replace(self.recipe, **values)
        ))
        return exit_code or (0 if succeeded else 1)

    def _jobs(self) -> Iterator[Job]:
        while trial := self.study.ask():
            folder = self.out / folder_name(trial.user_attrs[PROPOSAL]["index"])
            values = self.study.values(trial)
            try:
                recipe = dataclasses.replace(
                    self.recipe, **values, run_dir=str(folder), export=False,
                    host_threads=self.host_threads,
                )
            except ValueError as error:  # values that do not go together
                self.study.finish(trial, reason=str(error))
                self.tell(f"{folder.name}: failed: {error}")
                continue
            self.running[folder] = Trial(trial, recipe)
            yield Job(self.command(recipe), folder)

    def _watch(self, job: Job) -> bool:
        """Whether the trial is bad, by the records in their order, however fast they came."""
        trial = self.running[job.folder]
        for record in read_records(job.folder):
            if record["epoch"] <= trial.epoch or trial.is_bad:
                continue
            trial.epoch = record["epoch"]
            trial.values.append(record["top_1"])
            trial.optuna.report(self.objective(trial.values), trial.epoch)
            trial.is_bad = trial.epoch < trial.recipe.epochs and trial.optuna.should_prune()
        return trial.is_bad

    def _ended(self, job: Job, code: int) -> None:
        trial = self.running.pop(job.folder)
        shown = shlex.join(f"{n}={v}" for n, v in self.study.values(trial.optuna).items())
        if trial.is_bad:
            self.study.finish(trial.optuna)
            told = f"pruned after epoch {trial.epoch}, top-1 {100 * trial.values[-1]:.2f} %"
        elif code == 0:
            value = self.objective(trial.values)
            self.study.finish(trial.optuna, value)
            told = f"top-1 {100 * value:.2f} %"
        elif was_interrupted(code):
            told = "stopped; the same command goes on with it"
        elif code == 2:
            raise ValueError(f"{job.folder.name}: {job.last_words(code)}")
        else:
            self.study.finish(trial.optuna, reason=job.last_words(code))
            told = f"failed: {job.last_words(code)}"
        self.tell(f"{job.folder.name}: {shown}: {told}")


def folder_name(index: int) -> str:
    return f"trial-{index:04d}"
