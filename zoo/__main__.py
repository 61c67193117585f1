"""Everything by one command: `keras-zoo COMMAND ...`, or `python -m zoo COMMAND ...`.

It finds its own recipes and tools wherever it is called, also beside other packages of these names.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo import doctor, listings
from zoo.cli import find_recipe, one_line_errors, recipe_doc, recipe_names
from zoo.cli import main as train
from zoo.program import keep_streams, stoppable

# Command -> module of tools/.
TOOLS = {
    "evaluate": "evaluate", "predict": "predict", "explain": "explain", "export": "export",
    "runs": "runs", "compare": "compare_runs",
}
HELP = """\
keras-zoo COMMAND ...                     the same as python -m zoo COMMAND ...

  train RECIPE --FLAG=VALUE ...   trains; keras-zoo train RECIPE --help lists the flags
  evaluate --FLAG=VALUE ...       accuracy of weights or of a run on a set of images
  predict --FLAG=VALUE ... FILES  the likeliest classes of images
  explain --FLAG=VALUE ...        what a network sees: maps over images, filters, tables, diagrams
  export --FLAG=VALUE ...         a run or weights for other programs: SavedModel, LiteRT, ONNX ...
  runs [FOLDER]                   the runs there: state, best accuracy, age, size
  compare RUN RUN ...             curves of runs over each other, and in what they differ
  recipes                         the recipes: model, data, published accuracy
  models [PATTERN]                the models, such as 'resnet*d': size, accuracy of their weights
  weights [PATTERN]               public checkpoints, such as 'timm:resnet50*'
  doctor                          versions, devices, memory, disk, extras; what is wrong with them

A first run, in under a minute on two cores: keras-zoo train lenet5 --flagfile=quickstart
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits with its code: 2, with one line, where there is no such one."""
    keep_streams()
    command, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    _own_packages_first()
    if command in ("--help", "-h", "help"):
        print(HELP, end="")
    elif command == "train":
        _train(rest)
    elif command in TOOLS:
        sys.argv = [f"keras-zoo {command}", *rest]
        runpy.run_module(f"tools.{TOOLS[command]}", run_name="__main__", alter_sys=True)
    else:
        with stoppable(), one_line_errors():
            sys.exit(_listing(command, rest)(*rest))


def _train(arguments: Sequence[str]) -> None:
    with one_line_errors():
        if not arguments or arguments[0].startswith("-"):
            raise ValueError(f"got no recipe; expected one of: {', '.join(recipe_names())}")
        recipe = find_recipe(arguments[0])
    train(recipe, recipe_doc(arguments[0]), ["keras-zoo train", *arguments[1:]])


def _listing(command: str, rest: Sequence[str]) -> Callable[..., int | None]:
    commands = {
        "recipes": listings.print_recipes, "models": listings.print_models,
        "weights": listings.print_weights, "doctor": doctor.print_findings,
    }
    if command not in commands:
        names = ", ".join(["train", *TOOLS, *commands])
        raise ValueError(f"got the command {command!r}; expected one of: {names}")
    if len(rest) > (most := 1 if command in ("models", "weights") else 0):
        raise ValueError(f"{command}: got {' '.join(rest)!r}; expected "
                         f"{'one pattern, in quotes' if most else 'nothing behind it'}")
    return commands[command]


def _own_packages_first() -> None:
    """Finds `recipes` and `tools` beside this package; what is in the working folder, last."""
    here = str(Path(__file__).parents[1])
    others = [path for path in sys.path if path not in ("", here, os.getcwd())]
    sys.path[:] = [here, *others, os.getcwd()]


if __name__ == "__main__":
    main()
