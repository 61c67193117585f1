"""From the command line to a Recipe: the only file that knows flags.

A recipe file calls `main(RECIPE)`. Each field of the recipe is a flag; `--flagfile=FILE` reads
flags from a file (zoo/flag_files.py); the later wins.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import os
import pkgutil
import re
import shlex
import sys
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from zoo import flag_files
from zoo.given_path import as_path
from zoo.printable import visible
from zoo.program import keep_streams, stoppable
from zoo.quantities import as_flag
from zoo.recipe import Recipe
from zoo.recipe.length import FITTED, fitted
from zoo.runs.claim import check_space, claimed
from zoo.train.resuming import finished, settle

_RECIPES = Path(__file__).parents[1] / "recipes"


class _PathParser(flags.ArgumentParser):
    def __init__(self, optional: bool):
        self._optional = optional

    def parse(self, argument: str) -> str:
        return argument if self._optional and not argument else str(as_path(argument))


# For flags.DEFINE, where a flag of a tool is a path: its value is a text. The second may be empty.
PATH, OPTIONAL_PATH = _PathParser(False), _PathParser(True)


def main(recipe: Recipe, doc: str = "", argv: Sequence[str] | None = None) -> None:
    """Runs `recipe` with the command line's changes, then exits.

    Exit code 0: trained, or --help; 2: something in the command line or the files it names
    is wrong (told in one line on standard error); 128 + signal: stopped by it, resumable.
    """
    keep_streams()
    arguments = list(sys.argv if argv is None else argv)
    if any(argument in ("--help", "-h", "-help", "--helpfull") for argument in arguments[1:]):
        print(help_text(recipe, doc))
        sys.exit(0)
    with stoppable(), contextlib.ExitStack() as stack:
        with one_line_errors():
            chosen = parse(recipe, arguments)
            settled, folder = settle(chosen)
            if told := finished(folder):
                print(told)
                sys.exit(0)
            stack.enter_context(claimed(folder))
            import_tensorflow()
            from zoo.train.loop import train
            from zoo.train.prepare import prepare

            run = prepare(
                settled, command_line(sys.argv), folder=folder, published=recipe,
                expected=told_accuracy(doc),
            )
            check_space(folder, run.space)
        print(describe(chosen, recipe), flush=True)  # behind all that may be wrong with it
        sys.exit(train(run))


def import_tensorflow() -> None:
    """Imports TensorFlow and finds its devices without its page of notes about the machine.

    They come from C++ before any log level holds, so standard error is turned away meanwhile;
    they are shown where the import fails, or with ZOO_DEBUG=1 in the environment.
    """
    if os.environ.get("ZOO_DEBUG") == "1":
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        except Exception:
            os.dup2(kept, 2)
            notes.seek(0)
            print(notes.read().decode(errors="replace"), end="", file=sys.stderr)
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class one_line_errors:
    """Turns an error about the user's input into one line and exit code 2.

    `ValueError` and `OSError` are what the code under it raises about values and files;
    ZOO_DEBUG=1 in the environment shows the whole traceback.
    """

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        expected = isinstance(error, (ValueError, OSError, flags.Error))
        if not expected or os.environ.get("ZOO_DEBUG") == "1":
            return False
        line = " ".join(str(error).split()).removeprefix("FATAL Flags parsing error: ")
        print(f"error: {visible(line)}", file=sys.stderr)
        sys.exit(2)


def run_tool(main: Callable[..., int | None], doc: str, *, takes_files: bool = False) -> None:
    """Runs the main function of a tool, whose flags are absl's global ones, and exits.

    With `takes_files`, `main` gets the list of arguments that are no flags. `--help` prints `doc`
    and the tool's own flags. Exit code: what `main` returns, or 2, with one line on standard
    error, where something in the command line or the files it names is wrong.
    """
    keep_streams()
    _help_of_tool(doc)
    with stoppable(), one_line_errors():
        rest = flags.FLAGS(flag_files.expanded(sys.argv))[1:]
        if rest and not takes_files:
            raise ValueError(f"got {rest[0]!r}, which is no flag; expected --name=value")
        sys.exit(main(rest) if takes_files else main())


def run_recipe_tool(main: Callable[[Recipe], int | None], doc: str) -> None:
    """As `run_tool`, for a tool that has a flag --recipe=NAME and takes that recipe's flags too.

    `main` gets the RECIPE of recipes/NAME.py, changed as the command line says.
    """
    keep_streams()
    _help_of_tool(doc)
    with stoppable(), one_line_errors():
        flags.FLAGS.set_gnu_getopt()  # or the value of "--epochs 3" would end the tool's own flags
        rest = flags.FLAGS(flag_files.expanded(sys.argv), known_only=True)
        sys.exit(main(parse(find_recipe(flags.FLAGS.recipe), rest)))


def find_recipe(name: str) -> Recipe:
    """The RECIPE of recipes/NAME.py. Raises ValueError for another name."""
    if name not in (names := recipe_names()):
        raise ValueError(f"got the recipe {name!r}; expected one of {', '.join(names)}")
    return pkgutil.resolve_name(f"recipes.{name}:RECIPE")


def recipe_names() -> list[str]:
    """Those of all files of recipes/."""
    return sorted(path.stem for path in _RECIPES.glob("[a-z]*.py"))


def recipe_doc(name: str) -> str:
    """The docstring of recipes/NAME.py: where its numbers come from, and its commands."""
    return ast.get_docstring(ast.parse((_RECIPES / f"{name}.py").read_text()), clean=False)


def told_accuracy(doc: str) -> str:
    """What a recipe's docstring tells of its accuracy: its paragraph from "Published:" or
    "Measured:" on, up to a colon that leads to commands; "" where it tells nothing."""
    for paragraph in doc.split("\n\n"):
        found = re.search(r"(?:Published|Measured): .*", " ".join(paragraph.split()))
        if found:
            return re.sub(r"(?<=\.) ((?!\. ).)*:$", "", found[0])
    return ""


def recipe_command(name: str, recipe: Recipe) -> list[str]:
    """The command that runs recipes/NAME.py as `recipe`."""
    changed = [*recipe.difference(find_recipe(name))]
    if "epochs" in changed:  # by which the program would change these where they are not said
        changed += [field for field in FITTED if field not in changed]
    return [sys.executable, "-m", f"recipes.{name}", *(
        f"--{field}={as_flag(getattr(recipe, field))}" for field in changed
    )]


def _help_of_tool(doc: str) -> None:
    """Where it is asked for, prints it and exits."""
    if any(argument in ("--help", "-h", "-help", "--helpfull") for argument in sys.argv[1:]):
        print(f"{doc.strip()}\n\n{flags.FLAGS.main_module_help()}".rstrip())
        sys.exit(0)


def parse(recipe: Recipe, arguments: Sequence[str]) -> Recipe:
    """`recipe` with the changes that `arguments` ask for; the first argument is the program.

    What is counted in epochs follows their number, unless it is asked for: zoo/recipe/length.py.

    Raises absl.flags.Error for an unknown flag or a text that is no value of its type,
    ValueError for a value that cannot be or an argument that is no flag.
    """
    values = _flags_of(recipe)
    rest = values(flag_files.expanded(arguments))
    if len(rest) > 1:
        raise ValueError(f"got {rest[1]!r}, which is no flag; expected --name=value")
    asked = {
        name: _from_flag(name, values[name].value, getattr(recipe, name))
        for name in values if values[name].present
    }
    return dataclasses.replace(recipe, **fitted(recipe, asked), **asked)


def describe(recipe: Recipe, defaults: Recipe) -> str:
    """What a run is, in a line, and a line for each field that differs from `defaults`."""
    lines = [
        f"{recipe.name}: {recipe.model} on {recipe.data}, {recipe.epochs} epochs, batches of "
        f"{recipe.batch_size}, peak learning rate {recipe.peak_rate:.4g} = "
        f"{recipe.learning_rate:g} x {recipe.batch_size} / {recipe.base_batch_size}"
    ]
    for name, (value, was) in recipe.difference(defaults).items():
        lines.append(f"  {name} = {as_flag(value)}   (recipe: {as_flag(was)})")
    return "\n".join(map(visible, lines))


def help_text(recipe: Recipe, doc: str) -> str:
    lines = [doc.strip(), "", "Flags (--name=value; --flagfile=FILE reads them from a file; the"
             " later wins):"]
    for section, fields in _sections(recipe).items():
        lines += ["", f"{section}:"]
        for field in fields:
            value = as_flag(getattr(recipe, field.name)) or "''"
            lines.append(f"  --{field.name}={value}")
            lines += textwrap.wrap(field.metadata["help"], 84, initial_indent=" " * 8,
                                   subsequent_indent=" " * 8)
    return "\n".join(lines).lstrip("\n")


def command_line(arguments: Sequence[str]) -> str:
    """The exact command, quoted for a shell; `python -m recipes.x` is shown as it was typed."""
    program = [sys.executable]
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    program += ["-m", spec.name.removesuffix(".__main__")] if spec else [arguments[0]]
    return shlex.join([*program, *arguments[1:]])


def _flags_of(recipe: Recipe) -> flags.FlagValues:
    # A FlagValues of its own: other libraries define flags in absl's global one.
    values = flags.FlagValues()
    for field in dataclasses.fields(recipe):
        default = getattr(recipe, field.name)
        define = {
            bool: flags.DEFINE_boolean, int: flags.DEFINE_integer, float: flags.DEFINE_float,
            str: flags.DEFINE_string, tuple: flags.DEFINE_list,
        }[type(field.default)]
        if isinstance(default, tuple):
            default = [repr(value) for value in default]
        define(field.name, default, field.metadata["help"], flag_values=values)
    return values


def _from_flag(name, value, default):
    if not isinstance(default, tuple):
        return value
    try:
        return tuple(float(part) for part in value)
    except ValueError:
        raise ValueError(
            f"--{name}: got {','.join(value)!r}; expected numbers joined by commas"
        ) from None


def _sections(recipe: Recipe) -> dict[str, list[dataclasses.Field]]:
    sections: dict[str, list[dataclasses.Field]] = {}
    for field in dataclasses.fields(recipe):
        sections.setdefault(field.metadata["section"], []).append(field)
    return sections
