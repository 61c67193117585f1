"""python -m tools.evaluate, as a user calls it, on digits."""

from __future__ import annotations

import csv
import functools
import json
import re
import shutil

import numpy as np
import pytest
from launch import run_module
from PIL import Image
from sklearn.metrics import confusion_matrix

import zoo
from zoo.evaluate.interval import interval

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

evaluate = functools.partial(run_module, "tools.evaluate")


@pytest.fixture(scope="module")
def run_evaluated(finished_run, tmp_path_factory):
    """What evaluating a run printed, and the folder that it left."""
    out = tmp_path_factory.mktemp("evaluated") / "run"
    done = evaluate(f"--run_dir={finished_run}", f"--out={out}")
    assert done.returncode == 0, done.stderr
    return done.stdout, out


def test_a_run_gets_what_it_got_in_training(finished_run, run_evaluated):
    stdout, out = run_evaluated
    figures = json.loads((out / "figures.json").read_text())
    there = json.loads((finished_run / "summary.json").read_text())["validation"]
    assert figures["images"] == 1000 and figures["views_per_image"] == 1
    assert figures["top_1"] == there["top_1"] and figures["top_5"] == there["top_5"]
    assert figures["loss"] == pytest.approx(there["loss"], rel=1e-4)
    assert figures["images_per_second"] == pytest.approx(1000 / figures["seconds"], rel=0.01)
    low, high = interval(figures["top_1"], 1000)
    assert (f"1000 images, top-1 {100 * figures['top_1']:.2f} % ({100 * low:.2f} to "
            f"{100 * high:.2f}), top-5 ") in stdout
    halves = figures["temperature"]
    assert halves["fitted_on"] + halves["told_on"] == 1000 and halves["loss_after"] < 1
    assert "calibration error" in stdout and "with temperature" in stdout


def test_the_folder_has_every_prediction_tables_and_pictures(run_evaluated):
    _, out = run_evaluated
    assert {path.name for path in out.iterdir()} == {
        "figures.json", "predictions.csv", "predictions.json", "per_class.csv", "confusion.csv",
        "confusion.png", "confused_pairs.csv", "reliability.png", "wrong.png", "report.md",
    }
    figures = json.loads((out / "figures.json").read_text())
    rows = list(csv.DictReader((out / "predictions.csv").open()))
    as_json = json.loads((out / "predictions.json").read_text())
    assert len(rows) == len(as_json) == 1000
    assert np.mean([row["correct"] == "1" for row in rows]) == figures["top_1"]
    assert np.mean([row["in_top_5"] for row in as_json]) == figures["top_5"]
    assert np.mean([row["loss"] for row in as_json]) == pytest.approx(figures["loss"])
    for row, own in zip(rows, as_json, strict=True):
        assert (row["image"], row["label"], row["class_1"]) == (own["image"], own["label"],
                                                                own["top_5"][0]["class"])
        assert float(row["label_probability"]) == pytest.approx(np.exp(-own["loss"]), rel=1e-4)
    table = np.array([line.split(",")[1:]
                      for line in (out / "confusion.csv").read_text().splitlines()[1:]], int)
    labels = [row["label"] for row in rows]
    np.testing.assert_array_equal(table, confusion_matrix(labels, [x["answer"] for x in rows]))
    classes = list(csv.DictReader((out / "per_class.csv").open()))
    recall = [float(row["recall"]) for row in classes]
    np.testing.assert_allclose(recall, table.diagonal() / table.sum(1), rtol=1e-5)
    for name in ("confusion.png", "reliability.png", "wrong.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 180 and len(picture.convert("L").getcolors()) > 10
    # In the report each picture is there, and the worst pair.
    report = (out / "report.md").read_text()
    assert set(re.findall(r"\]\((\w+\.\w+)\)", report)) <= {path.name for path in out.iterdir()}
    worst = next(csv.DictReader((out / "confused_pairs.csv").open()))
    assert f"| {worst['images']} | {worst['label']} | {worst['answer']} |" in report
    assert int(worst["images"]) == (table - np.diag(table.diagonal())).max()


def test_shipped_weights_at_two_scales_beside_the_run(run_evaluated, tmp_path):
    out = tmp_path / "evaluated"
    done = evaluate(
        "--weights=zoo:lenet5.mnist", "--data=mnist5k", "--views=ten_crop",
        "--short_sides=28,30", f"--compare={run_evaluated[1]}", f"--out={out}",
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((out / "figures.json").read_text())
    assert figures["short_sides"] == [28, 30] and figures["views_per_image"] == 20
    assert "ten_crop at short side 28, 30" in done.stdout
    # Digits are not what their mirror images are: 99.6 % without these.
    assert 0.9 < figures["top_1"] < 0.99 < figures["top_5"]
    other, found = json.loads((run_evaluated[1] / "figures.json").read_text()), figures["compared"]
    assert found["difference"] == pytest.approx(figures["top_1"] - other["top_1"])
    assert found["only_first"] - found["only_second"] == pytest.approx(1000 * found["difference"])
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    assert found["loss_difference"] == pytest.approx(figures["loss"] - other["loss"], rel=1e-6)
    assert f"{found['only_first']} images here, {found['only_second']} there, McNemar" in (
        done.stdout)


def test_coloured_files_of_some_classes_one_of_which_is_broken(tmp_path):
    """Classes' folders alone, of eight of the ten digits, and a file with its model's name."""
    digits = tmp_path / "digits"
    run_module(
        "tools.digits_folder", f"--out={digits}", "--train_per_class=1", "--validation_per_class=3"
    ).check_returncode()
    digits = digits / "validation"
    for label, name in enumerate(NAMES):
        (digits / name).rename(digits / str(label))
    shutil.rmtree(digits / "0")
    shutil.rmtree(digits / "4")
    zoo.save_pretrained(zoo.create_model("lenet5", weights="mnist"), tmp_path / "own.safetensors")
    arguments = (f"--weights={tmp_path}/own.safetensors", f"--data=folder:{digits}",
                 "--views=five_crop", "--short_sides=30", "--batch_size=8")
    done = evaluate(*arguments)
    assert done.returncode == 0, done.stderr
    assert "classes by name" in done.stdout and "24 images, top-1 " in done.stdout
    assert float(re.search(r"top-1 ([\d.]+) %", done.stdout)[1]) > 50

    broken = sorted(digits.rglob("*.*"))[7]
    broken.write_bytes(broken.read_bytes()[:100])
    done = evaluate(*arguments, f"--out={tmp_path}/out")
    assert done.returncode == 2 and done.stdout == "" and not (tmp_path / "out").exists()
    line = done.stderr.splitlines()[-1]  # libjpeg's own words are before it
    assert line.startswith(f"error: 1 image of validation cannot be read: {broken}: truncated")


MNIST = ("--model=lenet5", "--weights=mnist", "--data=mnist5k")


@pytest.mark.parametrize(("arguments", "message"), [
    ((), "got no --run_dir and no --weights; expected --run_dir, or --weights and --data"),
    (MNIST[:2], "got no --run_dir and no --data; expected"),
    ((*MNIST, "--run_dir=x"), "--model: got lenet5 and --run_dir, which has its own"),
    (("--run_dir=nowhere",), "--run_dir: nowhere holds no recipe.json"),
    ((*MNIST, "--views=nine_crop"), "unknown views, got 'nine_crop'; expected one of"),
    ((*MNIST, "--short_sides=256,x"), "--short_sides: got '256,x'; expected whole numbers of"),
    ((*MNIST, "--short_sides=30,27"), "short_sides out of range, got (30, 27); expected each at"),
    ((*MNIST, "--split=test"), "--split: got test; expected one of train, validation"),
    ((*MNIST, "--out=tests"), "--out must be a new or an empty folder, got "),
    ((*MNIST, "--labels=real.json"), "--labels: got real.json; expected real:FILE"),
    ((*MNIST, "--among=all"), "--among: got all and data with all of the model's classes, where"),
    ((*MNIST, "--compare=nowhere"), "--compare: no file nowhere; expected the predictions.csv of"),
    ((*MNIST[:2], "--data=synthetic:size=32,classes=12,count=50"),
     "--data: got 12 classes, among them "),
])
def test_errors_are_one_line(arguments, message):
    done = evaluate(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {message}") and len(done.stderr.splitlines()) == 1


def test_help_says_what_there_is():
    done = evaluate("--help")
    assert done.returncode == 0 and done.stderr == ""
    assert "centre, flip, five_crop or ten_crop" in " ".join(done.stdout.split())
