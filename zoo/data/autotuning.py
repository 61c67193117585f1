"""Data sets that are gone at once when they are no longer needed."""

from __future__ import annotations

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def without_autotuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset with as many calls at once and elements ahead as it says, from the start.

    With tf.data's autotuning an iterator that has raised an error is destroyed only when the thread
    that tunes it wakes up: after as many seconds as the iterator has lived, up to a minute. A run
    with a bad image would say so a minute late. `tf.data.AUTOTUNE` still means a call a core.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
