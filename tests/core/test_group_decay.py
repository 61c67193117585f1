"""Weight decay by groups of weights."""

from __future__ import annotations

import keras
import pytest

from zoo.core.batch_norm import with_fused_batch_norm
from zoo.core.group_decay import decays_of, parse_group_decay


def network() -> keras.Model:
    images = keras.Input([8, 8, 3])
    x = keras.layers.Conv2D(4, 3, name="convolution")(images)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.GroupNormalization(2, name="groups")(x)
    x = keras.layers.Flatten()(x)
    return with_fused_batch_norm(keras.Model(images, keras.layers.Dense(2, name="dense")(x)))


def test_each_group_has_its_weights():
    model = network()
    assert decays_of(model, "") == {}
    norm = {f"{layer}/{part}": 0 for layer in ("norm", "groups") for part in ("gamma", "beta")}
    assert decays_of(model, "norm=0") == norm
    assert decays_of(model, "bias=2e-5") == {
        f"{layer}/bias": 2e-5 for layer in ("convolution", "depthwise", "dense")
    }
    assert decays_of(model, "depthwise=0, norm=0") == {**norm, "depthwise/kernel": 0}


@pytest.mark.parametrize("spec, part", [
    ("norms=0", "got group='norms'; expected one of ['norm', 'bias', 'depthwise']"),
    ("norm=-1", "got norm=-1; expected a number of 0 or more"),
    ("bias=a", "got bias='a'; expected a number of 0 or more"),
    ("bias=True", "got bias=True; expected a number of 0 or more"),
    ("norm=1e999", "got norm=inf; expected a number of 0 or more"),
    ("0.1", "expected name=value pairs"),
    ("norm=0|bias=0", "cannot read"),
])
def test_bad_specs(spec, part):
    with pytest.raises(ValueError) as error:
        parse_group_decay(spec)
    assert part in str(error.value) and "\n" not in str(error.value)
