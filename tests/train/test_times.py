"""What the time of a run goes to, and what a resumed run knows of it."""

from __future__ import annotations

import time

import pytest

from zoo.train.times import EVALUATION, STEPS, Times, times_of


def test_times_go_on_where_the_last_record_ended():
    times = times_of([])
    assert times.images_per_second is None and set(times.seconds.values()) == {0.0}
    times.add_steps(2.0, 100)
    with pytest.raises(KeyError), times.of(EVALUATION):
        time.sleep(0.01)
        raise KeyError  # what went wrong took its time, too
    again = times_of([{"epoch": 1}, {"epoch": 2, **times.as_record()}])
    again.add_steps(2.0, 300)
    assert again.images_per_second == 100 and again.seconds[STEPS] == 4.0
    assert 0.01 <= again.seconds[EVALUATION] < 1
    assert times_of([{"epoch": 1, "step": 3}]).seconds == Times({}, 0).seconds  # of older versions
