"""Checkpoints: saved, found and read again, by the one file that knows their keys."""

from __future__ import annotations

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
    again.restore_newest()
    assert int(other["step"]) == 3
    np.testing.assert_array_equal(other["weights"]["conv1/kernel"], own["weights"]["conv1/kernel"])
    again.restore_best()
    assert int(other["step"]) == 2


def test_where_there_is_none(tmp_path):
    assert checkpoints.newest(tmp_path) is None and checkpoints.at_step(tmp_path, 1) is None
    own = fields()
    Checkpoints(tmp_path, own, keep=1).restore_newest()
    assert int(own["step"]) == 3


def test_another_program_s_checkpoint_is_told(tmp_path):
    path = tf.train.Checkpoint(model=tf.Variable(1.0)).save(str(tmp_path / "other"))
    with pytest.raises(ValueError, match=f"^{path} holds no weights and statistics; expected a "):
        checkpoints.read_values(path)
