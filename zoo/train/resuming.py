"""The folder of a run: a new one, or that of a run of the same recipe, which goes on."""

from __future__ import annotations

import datetime
from pathlib import Path

from zoo.given_path import as_path
from zoo.recipe import Recipe
from zoo.recipe.file import packages_of, read_recipe
from zoo.runs import run_folder
from zoo.train import pretrained
from zoo.weights import artefact


def settle(recipe: Recipe) -> tuple[Recipe, Path]:
    """`recipe` with what its weights say of their images, and the folder of its run.

    Loads no TensorFlow, and writes nothing. Raises ValueError, in one line, for weights or a folder
    that do not fit.
    """
    recipe = pretrained.with_preprocessing(recipe)
    return recipe, choose_folder(recipe)


def finished(folder: Path) -> str:
    """What a run has reached, in one line; "" where it has not finished."""
    summary = run_folder.read_summary(folder)
    if not summary or not (folder / artefact.NAME).exists():
        return ""
    return (f"{folder} is finished: validation top-1 {100 * summary['validation']['top_1']:.2f} %; "
            f"its trained model is {folder / artefact.NAME}")


def choose_folder(recipe: Recipe) -> Path:
    """The run's folder: a new one, or that of a run of the same recipe, to be resumed.

    Raises ValueError, in one line, for a folder that holds something else: another recipe's run,
    or files that are not a run's. Nothing is written.
    """
    if not recipe.run_dir:
        now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        return run_folder.unused(Path("runs") / f"{recipe.name}-{now}")
    folder = as_path(recipe.run_dir)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--run_dir: {folder} is a file; expected a folder")
    # Hidden files: what a run that was killed within its first moments may have left aside.
    if not folder.exists() or all(path.name.startswith(".") for path in folder.iterdir()):
        return folder
    begun = _begun(recipe, folder)
    if different := recipe.difference(begun, only_result=True):
        changes = "; ".join(
            f"{name} is {here!r} now, {there!r} there" for name, (here, there) in different.items()
        )
        raise ValueError(
            f"--run_dir: {folder} holds the run of another recipe ({changes}); expected a new "
            "folder, or the same values to resume it"
        )
    return folder


def _begun(recipe: Recipe, folder: Path) -> Recipe:
    # The user has named the same code on the command line.
    try:
        return read_recipe(folder, trust=packages_of(recipe))
    except ValueError as error:
        raise ValueError(f"--run_dir: {error}") from None
