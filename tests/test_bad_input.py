"""Whatever is wrong with the input: one line on standard error, exit code 2, nothing written.

In this process, through the entry point of the recipes: `zoo.cli.main`.
"""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recipes.lenet5 import RECIPE
from zoo.cli import main
from zoo.runs.claim import claimed
from zoo.train.resuming import choose_folder


def refused(capfd, *flags):
    """The one line that a refused command prints, on standard error."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as exit_info:
        main(RECIPE, "", ["recipes.lenet5", *map(str, flags)])
    assert exit_info.value.code == 2
    out, err = capfd.readouterr()
    lines = err.splitlines()
    assert len(lines) == 1 and not out, out + err
    assert lines[0].startswith("error: ")
    return lines[0]


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def folder(tmp_path):
    """A small image folder, complete."""
    for first, split in enumerate(("train", "validation")):
        for name in ("cat", "dog"):
            place = tmp_path / "set" / split / name
            place.mkdir(parents=True)
            for number in range(4):
                pixels = np.full((40, 40, 3), 50 * number + 20 * first, np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.jpg")
    return tmp_path / "set"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--data=imagenet"], ["--data", "'imagenet'", "mnist5k", "folder:DIR"]),
        (["--model=lenet6"], ["--model", "'lenet6'", "list_models"]),
        (["--model_options=depth=3"], ["--model_options", "'depth'", "activation"]),
        (["--augment=flop"], ["--augment", "'flop'", "flip"]),
        (["--run_dir=gs://bucket/run"], ["--run_dir", "'gs://bucket/run'", "local"]),
        (["--run_dir= "], ["--run_dir", "' '", "name of a file or folder"]),
        (["--run_dir=caf\udce9"], ["--run_dir", "UTF-8", "rename"]),
        (["--data_dir=\0", "--data=idx:x"], ["--data_dir", "name of a file or folder"]),
        (["--data=folder:caf\udce9"], ["caf\\udce9", "UTF-8", "rename"]),
        (["--batch_size=0"], ["--batch_size", "0", "1 or more"]),
        (["--batch_size=many"], ["--batch_size", "many"]),
        (["--precision=float16"], ["--precision", "'float16'", "mixed_float16"]),
        (["--learning_rate=nan"], ["--learning_rate", "nan", "over 0"]),
        (["--warmup_epochs=30"], ["--warmup_epochs", "30", "epochs=20"]),
        (["--mean=1,2,3"], ["--mean", "channels=1"]),
        (["--nonsense=1"], ["nonsense"]),
        (["--flagfile=/nowhere/x.flags"], ["/nowhere/x.flags"]),
        (["stray"], ["'stray'", "--name=value"]),
    ],
)
def test_before_tensorflow_is_needed(capfd, tmp_path, flags, words):
    line = refused(capfd, f"--run_dir={tmp_path / 'run'}", *flags)
    assert all(word in line for word in words), line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--data=idx:/nowhere"], ["/nowhere"]),
        (["--data=folder:/nowhere"], ["/nowhere"]),
        (["--data=tfrecord:/nowhere/{split}-*"], ["/nowhere"]),
        (["--batch_size=5000"], ["batch_size", "5000", "4000"]),
        (["--image_size=8", "--eval_resize=8"], ["input_shape", ">= 12"]),
        (["--data_service=grpc://localhost:1"], ["data_service has no effect", "cache_mb=0"]),
        (["--train_images=4001"], ["train_images", "4001", "1 to 4000"]),
        (["--schedule=cosin"], ["schedule", "'cosin'", "cosine"]),
        (["--loss=hinge"], ["--loss", "'hinge'", "cross_entropy"]),
        (["--schedule=step(30)"], ["--schedule", "step", "within the run's 20"]),
        (["--schedule=step('late')"], ["schedule", "'late'"]),
        (["--augment=mixup(0)"], ["mixup", "alpha=0"]),
        (["--model_options=activation='softsine'"], ["activation", "softsine"]),
        (["--virtual_devices=4"], ["--virtual_devices", "4", "new process"]),
    ],
)
def test_while_a_run_is_prepared(capfd, tmp_path, flags, words):
    line = refused(capfd, f"--run_dir={tmp_path / 'run'}", *flags)
    assert all(word in line for word in words), line
    assert not (tmp_path / "run").exists()


def test_empty_folder(capfd, tmp_path):
    (tmp_path / "empty").mkdir()
    line = refused(capfd, f"--data=folder:{tmp_path / 'empty'}", f"--run_dir={tmp_path / 'run'}")
    assert "train" in line
    assert contents(tmp_path) == {}


def test_a_data_service_that_is_not_there(capfd, folder, tmp_path):
    line = refused(capfd, f"--data=folder:{folder}", "--cache_mb=0",
                   f"--run_dir={tmp_path / 'run'}", "--data_service=grpc://localhost:1")
    assert "data_service cannot be reached, got 'grpc://localhost:1'" in line
    assert not (tmp_path / "run").exists()


def test_images_that_are_not_decoded_cannot_lie_on_the_device(capfd, folder, tmp_path):
    line = refused(capfd, f"--data=folder:{folder}", "--cache_mb=0", "--data_on_device",
                   f"--run_dir={tmp_path / 'run'}")
    assert "data_on_device expects" in line and "leave it out" in line
    assert not (tmp_path / "run").exists()


def test_class_without_images(capfd, folder, tmp_path):
    for path in (folder / "train" / "dog").iterdir():
        path.unlink()
    line = refused(capfd, f"--data=folder:{folder}", f"--run_dir={tmp_path / 'run'}")
    assert "dog" in line
    assert not (tmp_path / "run").exists()


def test_class_in_one_split_only(capfd, folder, tmp_path):
    shutil.rmtree(folder / "validation" / "dog")
    line = refused(capfd, f"--data=folder:{folder}", f"--run_dir={tmp_path / 'run'}")
    assert "dog" in line


def test_run_folder_of_another_recipe(capfd, finished_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    before = contents(run)
    line = refused(capfd, f"--run_dir={run}", "--epochs=3", "--learning_rate=0.5")
    assert "another recipe" in line and "learning_rate is 0.5 now, 0.1 there" in line
    line = refused(capfd, f"--run_dir={run}", "--epochs=3", "--model=lenet")
    assert "model is 'lenet' now, 'lenet5' there" in line
    assert contents(run) == before


def test_run_that_began_with_other_classes(capfd, finished_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    (run / "classes.txt").write_text("cat\ndog\n")
    (run / "summary.json").unlink()  # or it were finished
    before = contents(run)
    line = refused(capfd, f"--run_dir={run}", "--epochs=3")
    assert "10 classes that differ from the 2" in line
    assert contents(run) == before


def test_what_a_kill_in_the_first_moments_leaves_is_no_obstacle(tmp_path):
    recipe = dataclasses.replace(RECIPE, run_dir=str(tmp_path))
    (tmp_path / ".recipe.json.123").write_text("{")
    assert choose_folder(recipe) == tmp_path


def test_the_home_folder_is_the_run_folders_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    recipe = dataclasses.replace(RECIPE, run_dir="~/runs/a [1]")
    assert choose_folder(recipe) == tmp_path / "runs" / "a [1]"


def test_folder_of_somebody_else(capfd, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    line = refused(capfd, f"--run_dir={tmp_path / 'thesis'}")
    assert "holds no recipe.json" in line
    assert contents(tmp_path) == {Path("thesis/chapter.txt"): b"years of work"}
    line = refused(capfd, f"--run_dir={tmp_path / 'thesis' / 'chapter.txt'}")
    assert "is a file; expected a folder" in line


@pytest.mark.parametrize("place", ["/proc/run", "/dev/null/run"])
def test_folder_that_cannot_be_written_into(capfd, place):
    line = refused(capfd, f"--run_dir={place}")
    assert line.startswith(f"error: --run_dir: {place} cannot be written into: ")


def test_folder_of_a_run_that_goes_on_now(capfd, tmp_path):
    with claimed(tmp_path / "run"):
        line = refused(capfd, f"--run_dir={tmp_path / 'run'}")
    assert "is in use by process" in line


def test_finished_run_says_so_and_stays_as_it_is(capfd, finished_run):
    before = {path: path.stat().st_mtime_ns for path in finished_run.rglob("*")}
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(RECIPE, "", ["recipes.lenet5", "--data=mnist5k", "--epochs=3",
                          f"--run_dir={finished_run}"])
    assert ended.value.code == 0
    top_1 = json.loads((finished_run / "summary.json").read_text())["validation"]["top_1"]
    assert capfd.readouterr().out.splitlines()[-1] == (
        f"{finished_run} is finished: validation top-1 {100 * top_1:.2f} %; its trained model is "
        f"{finished_run / 'model.safetensors'}"
    )
    assert {path: path.stat().st_mtime_ns for path in finished_run.rglob("*")} == before


def test_recipe_json_that_cannot_be_read(capfd, tmp_path):
    for text in ("{", json.dumps({"epoch": 3}), json.dumps({"epochs": "3"}), "[]", "null"):
        (tmp_path / "recipe.json").write_text(text)
        line = refused(capfd, f"--run_dir={tmp_path}")
        assert "recipe.json is not a recipe of this version" in line
        assert (tmp_path / "recipe.json").read_text() == text
