"""keras-zoo, the one command: it works in any folder, beside other packages called as its own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo import listings
from zoo.cli import recipe_names
from zoo.models import list_models
from zoo.weights import catalogue

ROOT = Path(__file__).parents[1]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder with packages of its own of the names recipes, tools and zoo."""
    for name in ("recipes", "tools", "zoo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('another {name}')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keras_zoo(*arguments: str) -> subprocess.CompletedProcess:
    """Runs the console command as pip writes it: the script's folder, not the working folder, is
    the first on the path."""
    script = "import sys; sys.path.pop(0); sys.path.insert(0, {!r}); sys.argv[0] = 'keras-zoo'\n"
    script += "from zoo.__main__ import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script.format(str(ROOT)), *arguments], capture_output=True,
        text=True, timeout=300, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )


def test_the_console_command_is_declared():
    scripts = importlib.metadata.entry_points(group="console_scripts", name="keras-zoo")
    declared = (ROOT / "setup.py").read_text()
    assert '"keras-zoo = zoo.__main__:main"' in declared
    assert all(script.load().__module__ == "zoo.__main__" for script in scripts)


def test_trains_predicts_and_evaluates_from_a_foreign_folder(elsewhere):
    done = keras_zoo("train", "lenet5", "--epochs=1", "--train_images=200", "--export=false",
                     "--run_dir=runs/x")
    assert done.returncode == 0, done.stderr
    run = elsewhere / "runs/x"
    command = json.loads((run / "launches.jsonl").read_text().splitlines()[0])["command"]
    assert "keras-zoo train lenet5 --epochs=1" in command
    done = keras_zoo("evaluate", "--run_dir=runs/x")
    assert done.returncode == 0, done.stderr
    assert "top-1" in done.stdout


@pytest.mark.parametrize("arguments, part", [
    (("recepies",), "got the command 'recepies'; expected one of: train, evaluate, "),
    (("train",), "got no recipe; expected one of: alexnet, "),
    (("train", "resnet51"), "got the recipe 'resnet51'; expected one of alexnet, "),
    (("train", "lenet5", "--epochs=0"), "--epochs: got 0; expected 1 or more"),
    (("models", "qq*"), "got the pattern 'qq*', which no models match"),
    (("weights", "qq*"), "got the pattern 'qq*', which no weights match"),
    (("models", "a", "b"), "models: got 'a b'; expected one pattern, in quotes"),
    (("runs", "nowhere"), "got nowhere, which is no folder; expected one that holds runs"),
    (("doctor", "x"), "doctor: got 'x'; expected nothing behind it"),
])
def test_what_cannot_be_is_one_line(elsewhere, arguments, part):
    done = keras_zoo(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert part in done.stderr and done.stderr.count("\n") == 1
    assert sorted(path.name for path in elsewhere.iterdir()) == ["recipes", "tools", "zoo"]


def test_help_names_every_command(elsewhere):
    done = keras_zoo("--help")
    assert done.returncode == 0 and done.stderr == ""
    for command in ("train", "evaluate", "predict", "explain", "export", "runs", "compare",
                    "recipes", "models", "weights", "doctor"):
        assert f"\n  {command} " in done.stdout
    assert keras_zoo().stdout == done.stdout
    assert "--learning_rate=0.1" in keras_zoo("train", "lenet5", "--help").stdout


def test_every_recipe_is_listed_with_its_accuracy(capsys):
    listings.print_recipes()
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == recipe_names()
    without = [line.split()[0] for line in lines if " %" not in line]
    assert without == ["finetune"]
    assert next(x for x in lines if x.startswith("googlenet")).split()[3:6] == [
        "89.93", "%", "top-5"]
    assert "  11.3 h on one H200  79.15 / 94.58 %  " in next(
        x for x in lines if x.startswith("resnet50d"))
    assert all("on two cores" in x for x in lines if "mnist5k" in x)


def test_every_model_and_checkpoint_is_listed(capsys):
    listings.print_models()
    assert [x.split()[0] for x in capsys.readouterr().out.splitlines()[1:]] == list_models()
    listings.print_weights("timm:*")
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [x.name for x in catalogue.entries("timm:*")]
    assert any("79.90 % at 224, 81.01 % at 288" in line for line in lines)
