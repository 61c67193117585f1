"""The state of training: its values at the start, in each replica, and what writing leaves."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from trainer import build

from zoo.core.loss_scale import INITIAL_SCALE
from zoo.core.runtime import make_strategy
from zoo.core.state import is_float, make_state, moving_statistics


def small(**options) -> keras.Model:
    return build("resnet18", input_shape=(32, 32, 1), width=0.125, **options)


@pytest.mark.parametrize("scales_loss, averages", [(False, False), (True, True)])
def test_at_the_start(scales_loss, averages):
    model = small(dropout=0.5)
    for number, variable in enumerate(model.variables):
        if is_float(variable):
            variable.assign(variable + number)  # no two are equal
    state = make_state(
        model, make_strategy(["CPU:0", "CPU:1"]), scales_loss=scales_loss,
        slots=("mean", "square"), averages=averages,
    )
    values = state.read()
    trained = {v.path: v.numpy() for v in model.trainable_variables}
    moving = {v.path: v.numpy() for v in model.non_trainable_variables if "moving" in v.path}
    assert len(trained) + len(moving) == len(model.variables) - 1  # dropout's generator
    wanted = {"weights": trained, "statistics": moving,
              "averages": {**trained, **moving} if averages else {}}
    for name, want in wanted.items():
        assert values[name].keys() == want.keys()
        for path, value in want.items():
            np.testing.assert_array_equal(values[name][path], value, err_msg=path)
    assert values["slots"].keys() == {"mean", "square"}
    for slot in values["slots"].values():
        assert {path: value.shape for path, value in slot.items()} == {
            path: value.shape for path, value in trained.items()
        }
        assert not any(np.any(value) for value in slot.values())
    numbers = {name: float(values[name]) for name in values if name not in (*wanted, "slots")}
    assert numbers == {"step": 0, "updates": 0, "rate_factor": 1, "finite_steps": 0,
                       "loss_scale": INITIAL_SCALE if scales_loss else 1}


def test_writing_leaves_the_rest_and_is_a_replicas_own():
    strategy = make_strategy(["CPU:0", "CPU:1"])
    state = make_state(build("lenet5"), strategy, scales_loss=False, slots=("momentum",))
    path, other = list(state.weights)[:2]
    before = state.read()

    @tf.function
    def write():
        def in_replica():
            own = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
            value = own + tf.zeros_like(before["weights"][path])
            state.write({"weights": {path: value}, "step": tf.constant(7, tf.int64)})
            return state.read()["weights"][path]
        return strategy.run(in_replica)

    for replica, value in enumerate(strategy.experimental_local_results(write())):
        np.testing.assert_array_equal(value, np.full(value.shape, replica))
    after = state.read()
    assert int(after["step"]) == 7 and int(after["updates"]) == 0
    # Out of a replica, and in a checkpoint: the first one's.
    assert not np.any(after["weights"][path])
    np.testing.assert_array_equal(after["weights"][other], before["weights"][other])
    assert not any(np.any(slot) for slot in after["slots"]["momentum"].values())


def test_moving_statistics_are_those_of_layers_that_learn():
    model = small()
    every = moving_statistics(model)
    assert every == {v.path for v in model.non_trainable_variables}
    model.get_layer("stem_bn1").trainable = False
    assert every - moving_statistics(model) == {
        "stem_bn1/moving_mean", "stem_bn1/moving_variance"
    }


class Twice(keras.layers.Layer):
    """Two layers of one name, so that their weights have the same paths."""

    def __init__(self):
        super().__init__(name="twice")
        self.parts = [keras.layers.Dense(3, name="same") for _ in range(2)]

    def call(self, x):
        return self.parts[0](x) + self.parts[1](x)


def test_two_weights_at_one_path():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Twice()(inputs))
    with pytest.raises(ValueError, match="got several weights at .'twice/same/bias', 'twice/same/"):
        make_state(model, make_strategy(["CPU:0"]), scales_loss=False)
