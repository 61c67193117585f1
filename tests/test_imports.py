"""Who may import whom, how long files are, what they are called: read from the sources."""

from __future__ import annotations

import ast
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
PARTS = ("zoo", "recipes", "tools")  # this project's own packages
BUILDERS = tuple(
    f"zoo/train/{name}.py"
    for name in ("batches", "finish", "loop", "prepare", "run_folder", "teacher", "transfer")
)

# files -> (own modules, other packages) that they may import, besides Python's library; None: any.
MAY_IMPORT = {
    "zoo/models/*.py": (("zoo.lazy", "zoo.models.*"), ("keras",)),
    "zoo/data/*.py": (
        ("zoo.lazy", "zoo.data.*"),
        # TensorFlow's own: what its Example raises for bytes that are none.
        ("tensorflow", "tensorflow_datasets", "numpy", "PIL", "google.protobuf.message", "numba",
         "llvmlite.ir"),
    ),
    "zoo/data/native/*.py": (
        ("zoo.data.native", "zoo.data.native.*", "zoo.data.resize"),
        ("tensorflow", "numpy", "numba", "llvmlite.ir"),
    ),
    "zoo/augment/*.py": (
        ("zoo.lazy", "zoo.address", "zoo.spec", "zoo.augment.*"),
        # keras.ops: lazily, since the ops' arguments are checked before Keras loads.
        ("keras", "keras.ops", "keras_cv", "tensorflow"),
    ),
    "zoo/weights/names/*.py": (("zoo.models", "zoo.models.*", "zoo.weights.names"), ()),
    "zoo/finetune/*.py": (
        ("zoo.lazy", "zoo.finetune.*", "zoo.models", "zoo.models.*"), ("keras", "numpy", "sklearn")
    ),
    "zoo/spec.py": ((), ()),
    "zoo/lazy.py": ((), ()),
    "recipes/*.py": (("zoo.cli", "zoo.recipe"), ()),
}
# files -> modules that they must not import; the files in the last entry are let off.
MUST_NOT_IMPORT = [
    ("zoo/train/*.py", ("zoo.recipe", "zoo.cli", "absl"), BUILDERS),
    ("*", ("absl",), ("zoo/cli.py", "tools/*")),
    ("zoo/*", ("zoo.cli", "recipes", "tools"), ()),
    ("*", ("numba", "llvmlite"), ("zoo/data/native/*",)),
    ("zoo/recipe/__init__.py", ("tensorflow", "keras", "numpy"), ()),
    ("zoo/cli.py", ("keras", "numpy"), ()),
    ("tools/*", ("recipes",), ()),
]
MOST_LINES = {"zoo/*": 300, "tools/*": 300, "recipes/*": 40}
NAMES_OF_JUNK = ("utils", "util", "common", "helpers", "helper", "misc")


def modules_of(path: str, text: str) -> set[str]:
    """Everything that a file imports, at its top, in its functions and lazily."""
    package = path.removesuffix("/__init__.py").removesuffix(".py").split("/")
    if not path.endswith("__init__.py"):
        package.pop()
    found = set()
    for node in ast.walk(ast.parse(text)):
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
        # Only lazy.py may import what a variable names: that is what it is for.
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


def violations(path: str, text: str) -> list[str]:
    modules = modules_of(path, text)
    found = []
    for files, (own, others) in MAY_IMPORT.items():
        if not fnmatch(path, files):
            continue
        for module in modules - {"?"}:
            top = module.split(".")[0]
            if top not in sys.stdlib_module_names and not any(
                under(module, pattern) for pattern in (own if top in PARTS else others)
            ):
                found.append(f"imports {module}")
    for files, forbidden, free in MUST_NOT_IMPORT:
        if fnmatch(path, files) and not any(fnmatch(path, pattern) for pattern in free):
            found += [
                f"imports {module}" for module in modules
                if any(under(module, pattern) for pattern in forbidden)
            ]
    if "?" in modules and path != "zoo/lazy.py":
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


def test_the_walk_finds_the_files():
    folders = {path.rpartition("/")[0] for path in FILES}
    assert {"zoo", "zoo/models", "zoo/data", "zoo/augment", "zoo/train", "recipes",
            "tools"} <= folders
    assert set(BUILDERS) <= set(FILES)


CAUGHT = [
    ("zoo/models/x.py", "import tensorflow as tf", "imports tensorflow"),
    ("zoo/models/x.py", "def f():\n    from zoo.data import decode", "imports zoo.data.decode"),
    ("zoo/models/x.py", "from zoo.lazy import lazy_module\ntf = lazy_module('tensorflow')",
     "imports tensorflow"),
    ("zoo/models/x.py", "from .. import recipe", "imports zoo.recipe"),
    ("zoo/data/x.py", "import keras", "imports keras"),
    ("zoo/data/x.py", "from absl import flags", "imports absl"),
    ("zoo/data/x.py", "import numba", "imports numba"),
    ("zoo/data/native/x.py", "from zoo.data import crop", "imports zoo.data.crop"),
    ("zoo/data/x.py", "from zoo import models", "imports zoo.models"),
    ("zoo/data/x.py", "import importlib\nimportlib.import_module(f'zoo.augment.{x}')",
     "imports zoo.augment.*"),
    ("zoo/augment/x.py", "from zoo.core.step import fold_in", "imports zoo.core.step"),
    ("zoo/augment/x.py", "import numpy as np", "imports numpy"),
    ("zoo/train/x.py", "from zoo.recipe import Recipe", "imports zoo.recipe"),
    ("zoo/train/x.py", "from zoo import recipe", "imports zoo.recipe"),
    ("zoo/train/loop.py", "from zoo.cli import main", "imports zoo.cli"),
    ("zoo/train/loop.py", "import absl.flags", "imports absl.flags"),
    ("zoo/recipe/__init__.py", "import numpy", "imports numpy"),
    ("zoo/export/x.py", "import recipes.lenet5", "imports recipes.lenet5"),
    ("zoo/export/x.py", "import importlib\nimportlib.import_module(name)",
     "imports what a variable names"),
    ("recipes/x.py", "from zoo.models import list_models", "imports zoo.models"),
    ("recipes/x.py", "import keras", "imports keras"),
    ("recipes/x.py", "x = 1\n" * 41, "has over 40 lines"),
    ("zoo/x.py", "x = 1\n" * 301, "has over 300 lines"),
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
