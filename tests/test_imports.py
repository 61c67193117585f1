"""Who may import whom, how long files are, what they are called: read from the sources."""

from __future__ import annotations

import ast
import graphlib
import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("zoo", "recipes", "tools") for path in (ROOT / folder).rglob("*.py")
)

# Each folder and file of the library, lowest first: which others it may import, at the top of a
# file, in a function, lazily. A row may name rows above it only, so no circle can be left.
_LOW = (
    "lazy", "address", "spec", "files", "given_path", "flag_files", "printable", "natural_order",
    "program", "progress", "cache_folder", "quantities",
)
ROWS = {
    "lazy": (),
    "address": (),
    "files": ("lazy",),
    "given_path": (),
    "printable": (),
    "quantities": (),
    "flag_files": ("given_path",),
    "natural_order": (),
    "program": (),
    "cache_folder": (),
    "progress": ("lazy",),
    "spec": ("address",),
    "models": _LOW,
    "augment": _LOW,
    "data": _LOW,
    "runs": _LOW,
    "weights": (*_LOW, "models", "data", "runs"),
    "finetune": (*_LOW, "models", "weights"),
    "core": (*_LOW, "augment"),
    "recipe": (*_LOW, "models", "augment", "data", "core", "runs", "weights"),
    "evaluate": (*_LOW, "models", "augment", "data", "core", "runs", "weights", "finetune"),
    "export": (*_LOW, "models", "data", "core", "weights"),
    "explain": (*_LOW, "models", "data", "weights"),
    "report": (*_LOW, "data", "runs", "evaluate"),
    "train": (*_LOW, "models", "augment", "data", "core", "runs", "weights", "finetune", "recipe",
              "evaluate", "export", "report"),
    "tuning": (*_LOW, "models", "augment", "data", "core", "runs", "weights", "recipe", "report",
               "train"),
    "cli": ("flag_files", "given_path", "printable", "program", "quantities", "recipe", "runs",
            "train"),
    "listings": ("models", "weights", "cli"),
    "doctor": ("lazy", "cache_folder", "cli"),
    "__main__": ("program", "cli", "listings", "doctor"),
    "__init__": ("program", "models", "weights", "finetune", "export"),
}

# files -> other packages that they may import, besides Python's library.
PACKAGES = {
    "zoo/models/*.py": ("keras",),
    # TensorFlow's own: what its Example raises for bytes that are none.
    "zoo/data/*.py": ("tensorflow", "tensorflow_datasets", "numpy", "PIL",
                      "google.protobuf.message", "numba", "llvmlite.ir", "llvmlite.binding",
                      "pyarrow", "pyarrow.parquet", "array_record.python"),
    "zoo/data/native/*.py": ("tensorflow", "numpy", "numba", "llvmlite.ir", "llvmlite.binding"),
    "zoo/augment/*.py": ("keras", "keras_cv", "tensorflow"),
    "zoo/core/*.py": ("keras", "tensorflow", "numpy"),
    "zoo/runs/*.py": ("tensorflow", "numpy"),
    "zoo/weights/names/*.py": (),
    "zoo/explain/*.py": ("keras", "tensorflow", "numpy", "matplotlib", "PIL"),
    "zoo/finetune/*.py": ("keras", "numpy", "sklearn"),
    "zoo/recipe/*.py": (),
    "zoo/report/*.py": ("numpy", "matplotlib", "sklearn", "PIL", "jinja2", "markupsafe"),
    "zoo/*.py": ("absl", "packaging",
                 "tensorflow", "keras", "keras_cv", "tensorflow_datasets", "numpy", "PIL",
                 "numba", "llvmlite", "google", "matplotlib", "sklearn", "scipy", "h5py",
                 "safetensors", "ml_dtypes", "tensorboard", "tqdm", "optuna", "mlxtend",
                 "filelock", "huggingface_hub",
                 "ai_edge_litert", "ai_edge_quantizer", "onnxruntime", "openvino"),
    "recipes/*.py": (),
}
# files -> modules that they must not import; the files in the last entry are let off.
MUST_NOT_IMPORT = [
    ("zoo/*", ("absl",), ("zoo/cli.py",)),
    ("*", ("numba", "llvmlite"), ("zoo/data/native/*",)),
    ("zoo/data/native/*", ("zoo.data",), ()),
    ("recipes/*", ("zoo", "tools", "recipes"), ()),
    ("tools/*", ("recipes",), ()),
]
# What these lists let off, by file pattern.
ALLOWED_ALL_THE_SAME = {
    "zoo/data/native/*": ("zoo.data.native", "zoo.data.methods", "zoo.cache_folder"),
    "recipes/*": ("zoo.cli", "zoo.recipe"),
}
# A module's first use; a class of Keras that a file names; the files under test.
IMPORT_WHAT_A_VARIABLE_NAMES = (
    "zoo/lazy.py", "zoo/export/keras_file.py", "tools/bench/mutate.py",
)
MOST_LINES = {"zoo/*": 300, "tools/*": 300, "recipes/*": 40}
NAMES_OF_JUNK = ("utils", "util", "common", "helpers", "helper", "misc")


def modules_of(path: str, text: str) -> set[str]:
    """Everything that a file imports, at its top, in its functions and lazily."""
    package = path.removesuffix("/__init__.py").removesuffix(".py").split("/")
    if not path.endswith("__init__.py"):
        package.pop()
    found = set()
    tree = ast.parse(text)
    for node in ast.walk(tree):  # what is imported for annotations alone is no arrow
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            # `from zoo.train import loop` imports zoo.train.loop, `from zoo.cli import main` not.
            found.update(
                f"{base}.{alias.name}" if is_module(f"{base}.{alias.name}") else base
                for alias in node.names
            )
        elif isinstance(node, ast.Call):
            found.update(dynamic_import(node, package))
    return found


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def dynamic_import(call: ast.Call, package: list[str]) -> list[str]:
    """lazy_module("keras"), importlib.import_module(f"zoo.data.{x}") -> "keras", "zoo.data.*"."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name not in ("lazy_module", "import_module", "__import__") or not call.args:
        return []
    if isinstance(call.args[0], ast.Constant):
        return [call.args[0].value]
    if not isinstance(call.args[0], ast.JoinedStr):
        return ["?"]
    text = ""
    for part in call.args[0].values:
        if isinstance(part, ast.Constant):
            text += part.value
        else:
            text += ".".join(package) if ast.unparse(part.value) == "__name__" else "*"
    return [text]


def under(module: str, pattern: str) -> bool:
    """zoo.data.* holds zoo.data and all in it; zoo.cli holds zoo.cli and its names."""
    pattern = pattern.removesuffix(".*")
    return module == pattern or module.startswith(pattern + ".")


def row_of(path: str) -> str | None:
    """The row of the table that a file of the library is in."""
    first = path.removeprefix("zoo/").partition("/")[0].removesuffix(".py")
    return first if path.startswith("zoo/") else None


def violations(path: str, text: str) -> list[str]:
    modules = modules_of(path, text)
    found, row = [], row_of(path)
    if row is not None and row not in ROWS:
        found.append(f"is in {row!r}, which has no row in the table")
    for module in modules - {"?"}:
        top, *rest = module.split(".")
        if top == "zoo" and row in ROWS:
            there = rest[0] if rest and rest[0] in ROWS else "__init__"
            if there != row and there not in ROWS[row]:
                found.append(f"imports {module}, upward")
        elif top in ("recipes", "tools") and row is not None:
            found.append(f"imports {module}, upward")
        elif top not in (*sys.stdlib_module_names, "zoo", "recipes", "tools"):
            allowed = next((p for files, p in PACKAGES.items() if fnmatch(path, files)), None)
            if allowed is not None and not any(under(module, package) for package in allowed):
                found.append(f"imports {module}")
    let_off = next((own for files, own in ALLOWED_ALL_THE_SAME.items() if fnmatch(path, files)), ())
    for files, forbidden, free in MUST_NOT_IMPORT:
        if fnmatch(path, files) and not any(fnmatch(path, pattern) for pattern in free):
            found += [
                f"imports {module}" for module in modules
                if any(under(module, pattern) for pattern in forbidden)
                and not any(under(module, pattern) for pattern in let_off)
            ]
    if "?" in modules and path not in IMPORT_WHAT_A_VARIABLE_NAMES:
        found.append("imports what a variable names")
    if Path(path).stem in NAMES_OF_JUNK:
        found.append("has a name that says nothing")
    for files, most in MOST_LINES.items():
        if fnmatch(path, files) and len(text.splitlines()) > most:
            found.append(f"has over {most} lines")
    return sorted(set(found))


@pytest.mark.parametrize("path", FILES)
def test_file(path):
    assert violations(path, (ROOT / path).read_text()) == []


def test_the_table_is_of_the_folders_that_there_are_and_goes_one_way():
    assert {row_of(path) for path in FILES if path.startswith("zoo/")} == set(ROWS)
    places = {row: place for place, row in enumerate(ROWS)}
    for row, others in ROWS.items():
        assert all(places[other] < places[row] for other in others), row


def circle_of(sources: dict[str, str]) -> list[str]:
    """Modules that import each other in a circle, by path and text; [] where there is none."""
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
             for path in sources}
    graph = {
        name: {module for module in modules_of(path, sources[path]) if module in names} - {name}
        for name, path in names.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_files_import_each_other_in_a_circle():
    assert circle_of({path: (ROOT / path).read_text() for path in FILES}) == []


def test_what_closes_a_circle_is_found_also_in_a_function():
    sources = {
        "zoo/data/a.py": "import zoo.data.b",
        "zoo/data/b.py": "def f():\n    from zoo.data.c import g",
        "zoo/data/c.py": "from zoo.lazy import lazy_module\na = lazy_module('zoo.data.a')",
    }
    assert set(circle_of(sources)) == {"zoo.data.a", "zoo.data.b", "zoo.data.c"}
    sources["zoo/data/c.py"] = "import math"
    assert circle_of(sources) == []


CAUGHT = [
    ("zoo/models/x.py", "import tensorflow as tf", "imports tensorflow"),
    ("zoo/models/x.py", "def f():\n    from zoo.data import decode",
     "imports zoo.data.decode, upward"),
    ("zoo/models/x.py", "from zoo.lazy import lazy_module\ntf = lazy_module('tensorflow')",
     "imports tensorflow"),
    ("zoo/models/x.py", "from .. import recipe", "imports zoo.recipe, upward"),
    ("zoo/models/x.py", "import zoo", "imports zoo, upward"),
    ("zoo/data/x.py", "import keras", "imports keras"),
    ("zoo/data/x.py", "from absl import flags", "imports absl"),
    ("zoo/data/x.py", "import numba", "imports numba"),
    ("zoo/data/native/x.py", "from zoo.data import crop", "imports zoo.data.crop"),
    ("zoo/data/x.py", "from zoo import models", "imports zoo.models, upward"),
    ("zoo/data/x.py", "import importlib\nimportlib.import_module(f'zoo.augment.{x}')",
     "imports zoo.augment.*, upward"),
    ("zoo/augment/x.py", "from zoo.core.step import fold_in", "imports zoo.core.step, upward"),
    ("zoo/augment/x.py", "import numpy as np", "imports numpy"),
    ("zoo/core/x.py", "from zoo.recipe import Recipe", "imports zoo.recipe, upward"),
    ("zoo/core/x.py", "def f():\n    from zoo import recipe", "imports zoo.recipe, upward"),
    ("zoo/runs/x.py", "from zoo.recipe.file import read_recipe",
     "imports zoo.recipe.file, upward"),
    ("zoo/weights/x.py", "def f():\n    from zoo.export.saved_model import usage",
     "imports zoo.export.saved_model, upward"),
    ("zoo/evaluate/x.py", "from zoo.train import batches", "imports zoo.train.batches, upward"),
    ("zoo/train/loop.py", "from zoo.cli import main", "imports zoo.cli, upward"),
    ("zoo/train/loop.py", "import absl.flags", "imports absl.flags"),
    ("zoo/recipe/x.py", "import numpy", "imports numpy"),
    ("zoo/export/x.py", "import recipes.lenet5", "imports recipes.lenet5, upward"),
    ("zoo/export/x.py", "import importlib\nimportlib.import_module(name)",
     "imports what a variable names"),
    ("zoo/explain/x.py", "from zoo.report import plots", "imports zoo.report.plots, upward"),
    ("zoo/distil/x.py", "import math", "is in 'distil', which has no row in the table"),
    ("zoo/newcomer.py", "import math", "is in 'newcomer', which has no row in the table"),
    ("recipes/x.py", "from zoo.models import list_models", "imports zoo.models"),
    ("recipes/x.py", "import keras", "imports keras"),
    ("recipes/x.py", "x = 1\n" * 41, "has over 40 lines"),
    ("zoo/data/x.py", "x = 1\n" * 301, "has over 300 lines"),
    ("zoo/train/utils.py", "", "has a name that says nothing"),
    ("tools/x.py", "from recipes import lenet5", "imports recipes.lenet5"),
]


@pytest.mark.parametrize("path, text, violation", CAUGHT)
def test_what_the_rules_catch(path, text, violation):
    assert violation in violations(path, text)


@pytest.mark.parametrize("path, text", [
    ("zoo/models/x.py", "import math\nfrom zoo.models import blocks\nimport keras"),
    ("zoo/data/x.py", "import importlib\nimportlib.import_module(f'{__name__}.tfds')"),
    ("zoo/train/prepare.py", "from zoo.recipe import Recipe"),
    ("zoo/recipe/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras"),
    ("recipes/x.py", "from zoo.cli import main\nfrom zoo.recipe import Recipe"),
    ("tools/x.py", "from absl import app\nfrom zoo.cli import one_line_errors"),
])
def test_what_the_rules_allow(path, text):
    assert violations(path, text) == []


HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "matplotlib", "numpy")


@pytest.mark.parametrize("module", [
    "zoo", "zoo.recipe", "zoo.cli", "zoo.spec", "zoo.data", "zoo.augment", "zoo.models",
])
def test_imports_that_stay_light(module, tmp_path):
    code = f"import sys, {module}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
