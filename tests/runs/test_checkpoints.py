"""Checkpoints: saved, found and read again, by the one file that knows their keys."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from zoo.runs import checkpoints
from zoo.runs.checkpoints import Checkpoints

PATHS = ["conv1/kernel", "a.b/c..d/e", "x.Sy/.z", "s/S.S"]


def fields(offset: float = 0.0) -> dict:
    return {
        kind: {
            path: tf.Variable([offset + 10 * place + number])
            for number, path in enumerate(PATHS)
        }
        for place, kind in enumerate(("weights", "statistics", "averages"))
    } | {"step": tf.Variable(3)}


def test_what_was_saved_is_read_by_its_paths(tmp_path):
    own = {**fields(), "statistics": {"bn/mean": tf.Variable([7.0])}}
    Checkpoints(tmp_path, own, keep=2).save(5)
    newest = checkpoints.newest(tmp_path)
    assert newest == tmp_path / "checkpoints/ckpt-5" == checkpoints.at_step(tmp_path, 5)
    found = {path: float(value[0]) for path, value in checkpoints.read_values(newest).items()}
    assert found == {**{path: float(n) for n, path in enumerate(PATHS)}, "bn/mean": 7.0}
    averages = checkpoints.read_values(newest, averages=True)
    assert {path: float(value[0]) for path, value in averages.items()} == {
        path: 20.0 + n for n, path in enumerate(PATHS)
    }
    assert checkpoints.left_values(newest, averaging="") == averages
    Checkpoints(tmp_path, {**own, "averages": {}}, keep=2).save(6)
    left = checkpoints.left_values(checkpoints.newest(tmp_path), averaging="")
    assert {path: float(value[0]) for path, value in left.items()} == found


def test_the_newest_stay_and_the_best_one_beside_them(tmp_path):
    own = fields()
    saved = Checkpoints(tmp_path, own, keep=2)
    for step in (1, 2, 3):
        own["step"].assign(step)
        saved.save(step)
        if step == 2:
            saved.save_best(step)
    assert [checkpoints.at_step(tmp_path, step) is not None for step in (1, 2, 3)] == [
        False, True, True
    ]
    assert checkpoints.newest(tmp_path, best=True) == tmp_path / "best/ckpt-2"
    other = fields(offset=100.0)
    again = Checkpoints(tmp_path, other, keep=2)
    again.restore(checkpoints.newest(tmp_path))
    assert int(other["step"]) == 3
    np.testing.assert_array_equal(other["weights"]["conv1/kernel"], own["weights"]["conv1/kernel"])
    again.restore(checkpoints.newest(tmp_path, best=True))
    assert int(other["step"]) == 2
    # As TensorFlow's own functions find it.
    assert tf.train.latest_checkpoint(str(tmp_path / "best")) == str(tmp_path / "best/ckpt-2")
    names = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert names == {"checkpoint", *(
        f"ckpt-{step}.{end}" for step in (2, 3) for end in ("index", "data-00000-of-00001")
    )}


def test_where_there_is_none(tmp_path):
    assert checkpoints.newest(tmp_path) is None and checkpoints.at_step(tmp_path, 1) is None


def test_another_program_s_checkpoint_is_told(tmp_path):
    path = tf.train.Checkpoint(model=tf.Variable(1.0)).save(str(tmp_path / "other"))
    with pytest.raises(ValueError, match=f"^{path} holds no weights and statistics; expected a "):
        checkpoints.read_values(path)


def saved_at(run_dir: Path, *steps: int) -> Path:
    """A run's folder with checkpoints after these steps; the value of "step" says which."""
    own = fields()
    for step in steps:
        own["step"].assign(step)
        Checkpoints(run_dir, own, keep=9).save(step)
    return run_dir / "checkpoints"


def restored(run_dir: Path) -> int:
    own = fields()
    Checkpoints(run_dir, own, keep=9).restore(checkpoints.newest(run_dir))
    return int(own["step"])


def flipped(content: bytes) -> bytes:
    place = random.Random(7).randrange(len(content) // 2)
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1:]


DAMAGES = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flipped": lambda path: path.write_bytes(flipped(path.read_bytes())),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["index", "data-00000-of-00001"])
def test_the_newest_good_one_counts_and_the_damaged_one_is_told(tmp_path, capsys, file, damage):
    folder = saved_at(tmp_path, 5, 10)
    DAMAGES[damage](folder / f"ckpt-10.{file}")
    assert checkpoints.newest(tmp_path) == folder / "ckpt-5"
    assert capsys.readouterr().err.startswith(f"left out: {folder / 'ckpt-10'} is damaged: ")
    assert restored(tmp_path) == 5
    assert checkpoints.at_step(tmp_path, 10) is None
    with pytest.raises(ValueError, match="ckpt-10 is damaged"):
        checkpoints.read_values(folder / "ckpt-10")


@pytest.mark.parametrize("content", [None, b"", b"model_check", b"\xff\x00", b"all: {}"])
def test_tensorflow_s_list_of_checkpoints_is_not_trusted(tmp_path, content):
    folder = saved_at(tmp_path, 5, 10)
    (folder / "checkpoint").unlink()
    if content is not None:
        (folder / "checkpoint").write_bytes(content)
    assert restored(tmp_path) == 10
    saved_at(tmp_path, 15)
    assert [checkpoints.at_step(tmp_path, step) is not None for step in (5, 10, 15)] == [True] * 3


def test_where_none_is_good_the_run_is_not_begun_anew(tmp_path):
    folder = saved_at(tmp_path, 5, 10)
    for path in folder.glob("*.index"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="no checkpoint that can be read, got 5 files.*put it back"
                       ) as told:
        checkpoints.newest(tmp_path)
    assert "\n" not in str(told.value)
    for path in folder.glob("ckpt-*"):
        path.unlink()
    with pytest.raises(ValueError, match="got 1 files"):
        checkpoints.newest(tmp_path)


def test_the_best_one_is_as_good_as_any(tmp_path):
    own = fields()
    saved = Checkpoints(tmp_path, own, keep=1)
    own["step"].assign(20)
    saved.save_best(20)
    saved_at(tmp_path, 10)
    assert restored(tmp_path) == 20


def test_damaged_ones_of_later_steps_go_with_the_next_save(tmp_path):
    folder = saved_at(tmp_path, 5, 10)
    (folder / "ckpt-10.index").unlink()
    saved_at(tmp_path, 7)
    assert sorted(path.name for path in folder.glob("*.index")) == ["ckpt-5.index", "ckpt-7.index"]
    assert not list(folder.glob("ckpt-10.*"))


@pytest.mark.parametrize("name", ["a[1]", "a\\b", "a*", "{a,b}", os.fsdecode(b"\xfc")])
def test_any_folder_s_name(tmp_path, name):
    folder = saved_at(tmp_path / name, 5)
    assert restored(tmp_path / name) == 5
    assert checkpoints.read_values(folder / "ckpt-5").keys() == set(PATHS)
    assert not list(folder.glob(".*"))
