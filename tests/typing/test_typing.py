"""The public functions have types that a checker and an editor use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import zoo
from zoo.models import list_models, registry
from zoo.models.options import FamilyOptions

SAMPLE = Path(__file__).with_name("public_functions.py")
ROOT = Path(__file__).parents[2]


def test_calls_are_checked():
    """What is right has no error, what is wrong has one in its line, and nothing is unknown."""
    done = subprocess.run(
        [Path(sys.executable).parent / "basedpyright", "--outputjson", "--level", "error",
         "--pythonpath", sys.executable, SAMPLE],
        capture_output=True, text=True, cwd=ROOT,
    )
    told = json.loads(done.stdout)["generalDiagnostics"]
    found = {each["range"]["start"]["line"] for each in told}
    lines = SAMPLE.read_text().splitlines()
    wanted = {number for number, line in enumerate(lines) if "# error:" in line}
    assert found == wanted, [lines[number] for number in found ^ wanted]


def test_every_public_name_is_called():
    text = SAMPLE.read_text()
    assert [name for name in zoo.__all__ if f"zoo.{name}" not in text] == []


def test_the_options_are_those_of_the_builders():
    taken = {
        option for name in list_models()
        for option in registry.option_names(registry.find(name))
    }
    common = {"dropout", "bn_momentum", "bn_epsilon", "kernel_initializer"}
    assert taken - common == set(FamilyOptions.__annotations__)


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "zoo" / "py.typed").is_file()
