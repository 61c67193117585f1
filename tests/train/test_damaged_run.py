"""What happens to a run whose folder has been damaged: it goes on from what is good, or says why
not."""

import json
import shutil

import pytest

from recipes.lenet5 import RECIPE
from zoo import cli
from zoo.runs import run_folder
from zoo.train.loop import train
from zoo.train.prepare import prepare


@pytest.fixture
def run(finished_run, tmp_path):
    """A run that was killed behind its last checkpoint, before its report."""
    shutil.copytree(finished_run, tmp_path / "run")
    (tmp_path / "run/summary.json").unlink()
    return tmp_path / "run"


def recipe(run, *flags):
    return cli.parse(RECIPE, [
        "recipes.lenet5", "--flagfile=quickstart", "--epochs=3", "--keep=last",
        "--export=false", f"--run_dir={run}", *flags,
    ])


def test_the_run_goes_on_from_the_newest_good_checkpoint(run, finished_run, capfd):
    for data in run.glob("*/ckpt-93.data-00000-of-00001"):  # that of the best evaluation, too
        data.write_bytes(data.read_bytes()[:-1000])
    (run / "checkpoints/checkpoint").write_bytes(b"\0garbage")
    prepared = prepare(recipe(run))
    assert prepared.step == 62
    assert "left out:" in capfd.readouterr().err
    assert train(prepared) == 0
    then, now = (run_folder.read_records(folder) for folder in (finished_run, run))
    assert [record["step"] for record in now] == [31, 62, 93]
    assert now[:2] == then[:2]
    # Two replicas now, one then.
    assert now[2]["loss"] == pytest.approx(then[2]["loss"], rel=0.03)
    assert json.loads((run / "summary.json").read_text())["steps"] == 93


def cut(path):
    path.write_bytes(path.read_bytes()[:-100] + b"\n")


DAMAGES = {
    "no good checkpoint": (
        lambda run: [path.write_bytes(b"") for path in run.glob("*/ckpt-*.index")],
        "has no checkpoint that can be read, got 8 files",
    ),
    "no checkpoint": (
        lambda run: [shutil.rmtree(run / name) for name in ("checkpoints", "best")],
        "has evaluations up to epoch 3 and no check",
    ),
    "metrics": (lambda run: cut(run / "metrics.jsonl"), "metrics.jsonl is damaged"),
    "binary metrics": (
        lambda run: (run / "metrics.jsonl").write_bytes(b"\xff\xfe\n"), "metrics.jsonl is damaged"
    ),
    "launches": (lambda run: cut(run / "launches.jsonl"), "launches.jsonl is damaged"),
    "other launches": (
        lambda run: (run / "launches.jsonl").write_bytes(b"[1]\n"), "launches.jsonl is damaged"
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_be_gone_on_from_is_refused_and_left_as_it_is(run, damage):
    change, words = DAMAGES[damage]
    change(run)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    with pytest.raises(ValueError, match=words) as told:
        prepare(recipe(run))
    assert "\n" not in str(told.value)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_early_stopping_leaves_the_best_weights_that_can_be_read(tmp_path, capfd):
    """The rate falls to nothing: of equal evaluations the first is the best."""
    flags = ("--epochs=2", "--patience=9", "--schedule=step(1, factor=1e-30)",
             "--keep_checkpoints=1", "--warmup_epochs=0", "--weight_decay=0", "--optimizer=sgd")
    begun = prepare(recipe(tmp_path / "run", *flags))
    assert train(begun) == 0
    best = tmp_path / "run/best/ckpt-31.index"
    best.write_bytes(best.read_bytes()[:50])
    (tmp_path / "run/summary.json").unlink()
    capfd.readouterr()
    assert train(prepare(recipe(tmp_path / "run", *flags))) == 0
    told = capfd.readouterr().out
    assert "the checkpoint of the best evaluation, epoch 1, cannot be read: the run leaves the " \
           "weights of epoch 2" in told
