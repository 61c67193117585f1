"""Teachers out of the catalogue and out of a run's folder."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from zoo.core.runtime import make_strategy
from zoo.train.teacher import make_teacher

DIGITS = tuple("0123456789")


def teacher(weights, name="", class_names=DIGITS, **changes):
    strategy = make_strategy(["CPU:0"])
    call = make_teacher(str(weights), name, strategy, **{
        "class_names": class_names, "input_shape": (28, 28, 1), "mean": (0.0,), "std": (1.0,),
        "jit_compile": False, **changes,
    })
    return lambda images: strategy.run(call, args=(images,)).numpy()


def share_right(call, digits) -> float:
    images, labels = digits[0][:500], digits[1][:500]
    return float(np.mean(call(tf.cast(images, tf.float32)).argmax(1) == labels))


def test_of_the_catalogue_with_its_own_normalisation(digits):
    """The mean and deviation given here are wrong: those of its weights hold."""
    assert share_right(teacher("mnist", "lenet5"), digits) > 0.98


def test_of_a_run_whose_folder_says_what_it_is(finished_run, digits):
    assert share_right(teacher(finished_run), digits) > 0.9


@pytest.mark.parametrize("names", [DIGITS[:9], tuple("abcdefghij")])
def test_another_run_s_classes(finished_run, names):
    with pytest.raises(ValueError) as error:
        teacher(finished_run, class_names=names)
    assert str(error.value) == (
        f"--teacher: {finished_run} knows 10 classes; expected the {len(names)} of the data, "
        f"{names[0]}, ..."
    )


def test_other_classes_than_the_catalogue_s():
    with pytest.raises(ValueError, match="^--teacher: mnist knows 10 classes; expected the 9 of "):
        teacher("mnist", "lenet5", class_names=DIGITS[:9])
