"""A run is not gone on with on other images than it began with, unless that is said."""

import dataclasses
import json
import shutil

import pytest
from PIL import Image

from recipes.mlp import RECIPE
from zoo.data import open_source
from zoo.train.loop import train
from zoo.train.prepare import prepare


def write(folder, split, start, count):
    digits = open_source("mnist5k").splits["train"]
    for label in range(2):
        place = folder / split / "ab"[label]
        place.mkdir(parents=True)
        rows = (digits.labels == label).nonzero()[0][start : start + count]
        for row in rows:
            Image.fromarray(digits.images[row, ..., 0]).save(place / f"{row}.png")


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Images, and a run on them that was killed behind its first epoch of two."""
    folder = tmp_path_factory.mktemp("begun")
    write(folder / "set", "train", 0, 20)
    write(folder / "set", "validation", 20, 10)
    assert train(prepare(recipe(folder))) == 0
    for path in (folder / "run").glob("*/ckpt-8.*"):
        path.unlink()
    (folder / "run/summary.json").unlink()
    return folder


def recipe(folder, **changes):
    return dataclasses.replace(
        RECIPE, data=f"folder:{folder / 'set'}", run_dir=str(folder / "run"), epochs=2,
        batch_size=10, export=False, model_options="", **changes,
    )


@pytest.fixture
def copy(begun, tmp_path):
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    return tmp_path


def launches(folder):
    return [json.loads(line) for line in (folder / "run/launches.jsonl").open()]


def test_the_same_images_elsewhere_are_the_same(copy):
    (copy / "set").rename(copy / "moved")
    (copy / "set").symlink_to("moved")
    for path in (copy / "set").rglob("*.png"):
        path.touch()
    (copy / "run/recipe.json").write_text(recipe(copy).to_json())
    assert prepare(recipe(copy)).step == 4


def remove(folder):
    for path in sorted((folder / "set/train/a").iterdir())[:5]:
        path.unlink()


def replace(folder):
    one, other = sorted((folder / "set/train/a").iterdir(), key=lambda path: path.stat().st_size
                        )[::19]
    shutil.copyfile(one, other)


def swap_classes(folder):
    """Labels change places; the names of the classes stay."""
    validation = folder / "set/validation"
    (validation / "a").rename(validation / "c")
    (validation / "b").rename(validation / "a")
    (validation / "c").rename(validation / "b")


@pytest.mark.parametrize("change, words", [
    (remove, "train: 40 images then, 35 now"),
    (replace, "train: 40 images as then, of other names, sizes or labels"),
    (swap_classes, "validation: 20 images as then, of other names, sizes or labels"),
])
def test_changed_images_are_refused_and_can_be_accepted(copy, capfd, change, words):
    (copy / "run/recipe.json").write_text(recipe(copy).to_json())
    change(copy)
    with pytest.raises(ValueError, match=rf"^--data: got .* had \({words}\); expected the same: .* "
                       "--data_changed=accept$"):
        prepare(recipe(copy))
    assert len(launches(copy)) == 1
    run = prepare(recipe(copy, data_changed="accept"))
    assert run.step == 4 and run.data_changes == [words]
    if change is replace:
        assert train(run) == 0
        assert f"goes on with changed images: {words}" in capfd.readouterr().out
        assert launches(copy)[1]["data_changed"] == [words]
        assert launches(copy)[1]["data"] == run.contents != launches(copy)[0]["data"]
        (copy / "run/summary.json").unlink()
        assert prepare(recipe(copy)).data_changes == []  # accepted once is accepted


def test_images_too_few_for_the_steps_already_made_are_refused(copy):
    (copy / "run/recipe.json").write_text(recipe(copy).to_json())
    for label in "ab":
        for path in sorted((copy / "set/train" / label).iterdir())[10:]:
            path.unlink()
    with pytest.raises(ValueError, match="the run has 4 steps, and .* is at step 4; expected more"):
        prepare(recipe(copy, data_changed="accept"))


def test_a_run_of_a_version_that_noted_no_images_goes_on(copy):
    (copy / "run/recipe.json").write_text(recipe(copy).to_json())
    launch = launches(copy)[0]
    del launch["data"]
    (copy / "run/launches.jsonl").write_text(json.dumps(launch) + "\n")
    remove(copy)
    assert prepare(recipe(copy)).step == 4
