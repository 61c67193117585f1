"""A model of your own, trained by the zoo's recipes without editing the installed package.

Run in this folder, or wherever Python finds this file:

    python -m recipes.lenet --model=own_model:TINY --model_options=width=0.5
    python -m recipes.lenet --model=own_model:perceptron --model_options=hidden=64

`TINY` is a `Variant`, as the zoo's own families have them: its classifier, global pooling and
number of classes come from the `head` that it is given, and its `structure` tells `zoo.stages`,
`zoo.transfer` and the loading of weights which layers do what. `perceptron` is a function that
returns a keras.Model: it trains and exports, but of its layers nothing is known. Its layers have
names, since files keep weights by them, and Keras' own numbers differ from process to process.
"""

import keras

from zoo.models import blocks, family
from zoo.models.structure import Structure


def tiny(images, head, *, width=1.0, dropout=0.0):
    """Two convolutions of stride 2, each with batch normalisation, and the usual head.

    images: [B, height, width, channels]. width: factor on the number of channels, over 0. dropout:
    rate before the classifier, in [0, 1).
    """
    x = blocks.conv_bn_act(
        images, blocks.scaled(16, width), 3, 2, prefix="stage1", index=1, act="relu"
    )
    x = blocks.conv_bn_act(x, blocks.scaled(32, width), 3, 2, prefix="stage2", index=1, act="relu")
    return head(x, dropout=dropout)


TINY = family.Variant(
    tiny,
    structure=Structure(first=("stage1_conv1",), stages=("stage1", "stage2")),
    input_shape=(28, 28, 1),
    num_classes=10,
)


def perceptron(num_classes, input_shape, hidden=128):
    """One hidden layer of `hidden` units. The last layer gives logits, in float32."""
    images = keras.Input(input_shape)
    x = keras.layers.Flatten()(images)
    x = keras.layers.Dense(hidden, activation="relu", name="hidden")(x)
    return keras.Model(images, keras.layers.Dense(num_classes, dtype="float32", name="logits")(x))
