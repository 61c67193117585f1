"""An ablation: a ladder of recipes, each run with several seeds, and what each trick is worth.

A file of tricks is a flagfile in sections. The first gives the baseline, each other one a trick:

    [baseline]
    --batch_size=256
    --warmup_epochs=0
    [linear scaling]            # a comment
    --batch_size=1024
    [warmup]
    --warmup_epochs=5

mode "cumulative" has each trick on top of those above it (the ladder of arXiv 1812.01187, tables 4
and 6), "alone" each on the baseline.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.flag_files import read_lines
from zoo.recipe import Recipe
from zoo.recipe.file import packages_of, read_recipe
from zoo.recipe.rules import named
from zoo.tuning.processes import Job, run_all, threads_each, was_interrupted

MODES = ("cumulative", "alone")
# What is set for each run here.
OWN_FIELDS = ("seed", "run_dir", "export")


@dataclass(frozen=True)
class Section:
    name: str
    flags: tuple[str, ...]


@dataclass
class TrickRow:
    """A recipe of the ladder; `compared`: the row that its difference is to, None: the baseline."""

    name: str
    folder: Path
    recipe: Recipe
    compared: TrickRow | None
    top_1: dict[int, float] = dataclasses.field(default_factory=dict)  # by seed, 0..1
    failures: dict[int, str] = dataclasses.field(default_factory=dict)  # by seed


def read_sections(path: Path) -> list[Section]:
    """Raises ValueError, in one line, for a file that is no list of tricks."""
    sections: list[tuple[str, list[str]]] = []
    with named("tricks"):
        lines = read_lines(path)
    for number, line in enumerate(lines, 1):
        header = re.fullmatch(r"\[(.*\S.*)\]", line)
        if header:
            sections.append((header[1].strip(), []))
        elif line.startswith("--") and sections:
            sections[-1][1].append(line)
        elif line:
            raise ValueError(
                f"--tricks: {path}, line {number}: got {line!r}; expected [NAME OF A TRICK], and "
                "under it --FLAG=VALUE"
            )
    names = [name for name, _ in sections]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            f"--tricks: {path}: got the sections {names}; expected a baseline and one trick or "
            "more, each under a name of its own"
        )
    return [Section(name, tuple(flags)) for name, flags in sections]


def make_rows(
    sections: list[Section], arguments: list[str], out: Path, mode: str,
    parse: Callable[[list[str]], Recipe],
) -> list[TrickRow]:
    """The ladder: the baseline, changed by `arguments`, then a row a trick.

    parse: from flags, the later of which win, to the recipe that they make.

    Raises ValueError for values that no recipe may have, a trick that changes nothing, and one that
    sets what `arguments` set, too.
    """
    rows: list[TrickRow] = []
    flags = [*sections[0].flags, *arguments]
    tricks: list[str] = []
    for number, section in enumerate(sections):
        if number:
            tricks = [*(tricks if mode == "cumulative" else []), *section.flags]
        try:
            recipe = parse([*flags, *tricks])
            if number:
                _check_argument_wins(recipe, parse([*flags, *tricks, *arguments]))
        except ValueError as error:
            raise ValueError(f"--tricks: [{section.name}]: {error}") from None
        compared = rows[0 if mode == "alone" else -1] if rows else None
        if compared and not recipe.difference(compared.recipe, only_result=True):
            raise ValueError(
                f"--tricks: [{section.name}] changes nothing on [{compared.name}]; expected flags "
                "that change the result"
            )
        slug = re.sub(r"\W+", "-", section.name.lower()).strip("-")
        folder = f"{mode}-{number:02d}-{slug}" if number else "baseline"
        rows.append(TrickRow(section.name, out / folder, recipe, compared))
    for name in OWN_FIELDS:
        if any(getattr(row.recipe, name) != getattr(rows[0].recipe, name) for row in rows):
            raise ValueError(f"--tricks: a trick sets --{name}; expected that each run has its own")
    return rows


def run_rows(
    rows: list[TrickRow], seeds: int, *, at_once: int, command: Callable[[Recipe], list[str]],
    after_each: Callable[[], None], tell: Callable[[str], None] = print,
) -> int:
    """Trains each row with each seed, row by row within a seed, and fills in the rows.

    A finished run is read, not run again; one that had begun goes on. Returns 0, or 128 + the
    signal that stopped it. Raises ValueError for a folder of another recipe, and for what a run
    said of its input.
    """
    threads = threads_each(at_once)
    planned: dict[Path, tuple[TrickRow, Recipe]] = {}
    for seed in range(rows[0].recipe.seed, rows[0].recipe.seed + seeds):
        for row in rows:
            folder = row.folder / f"seed-{seed}"
            planned[folder] = row, dataclasses.replace(
                row.recipe, seed=seed, run_dir=str(folder), export=False,
                host_threads=row.recipe.host_threads or threads or 0,
            )
            _check_folder(folder, planned[folder][1])

    def settle(folder: Path) -> None:
        row, recipe = planned[folder]
        row.top_1[recipe.seed] = read_top_1(folder)[1]

    def jobs() -> Iterator[Job]:
        for folder, (_, recipe) in planned.items():
            if (folder / "summary.json").exists():
                settle(folder)
                after_each()
                continue
            folder.parent.mkdir(parents=True, exist_ok=True)
            yield Job(command(recipe), folder)

    def ended(job: Job, code: int) -> None:
        row, recipe = planned[job.folder]
        shown = f"{row.name}, seed {recipe.seed}"
        if code == 0:
            settle(job.folder)
            tell(f"{shown}: top-1 {100 * row.top_1[recipe.seed]:.2f} %")
        elif was_interrupted(code):
            tell(f"{shown}: stopped; the same command goes on with it")
        elif code == 2:
            raise ValueError(f"{shown}: {job.last_words(code)}")
        else:
            row.failures[recipe.seed] = job.last_words(code)
            tell(f"{shown}: failed: {job.last_words(code)}")
        after_each()

    return run_all(
        jobs(), at_once=at_once, threads=threads, watch=lambda job: False, ended=ended
    )


def read_top_1(folder: Path) -> tuple[str, float, int]:
    """("test" where the data has such a split, else "validation", top-1 in 0..1, images)."""
    summary = json.loads((folder / "summary.json").read_text())
    split = "test" if "test" in summary else "validation"
    return split, summary[split]["top_1"], summary["images"][split]


def _check_argument_wins(recipe: Recipe, with_arguments_last: Recipe) -> None:
    if different := recipe.difference(with_arguments_last):
        name, (here, there) = next(iter(different.items()))
        raise ValueError(
            f"sets --{name} to {here!r}, the command line to {there!r}; expected it in one of them"
        )


def _check_folder(folder: Path, recipe: Recipe) -> None:
    if not (folder / "recipe.json").exists():
        return
    begun = read_recipe(folder, trust=packages_of(recipe))
    if different := recipe.difference(begun, only_result=True):
        name, (here, there) = next(iter(different.items()))
        raise ValueError(
            f"--out: {folder} holds the run of another recipe ({name} is {here!r} now, {there!r} "
            "there); expected a new folder"
        )
