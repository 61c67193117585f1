"""Preprocessing layers of Keras and KerasCV, at the beginning of a policy.

They run on float32 images in 0..255, as part of the step's graph but outside the region that XLA
compiles: several of them cannot be compiled. Layers of Keras draw from (seed, step, replica), as
the ops do (keras.AugMix draws once more when it is traced); those of KerasCV from TensorFlow's
global generator, so that a resumed run goes on with other draws than an unbroken one.
"""

from __future__ import annotations

from zoo.augment.pixels import draw
from zoo.lazy import lazy_module
from zoo.spec import Call, bind

keras = lazy_module("keras")
tf = lazy_module("tensorflow")

# What the base classes of augmentation layers define, in Keras and twice in KerasCV.
MARKS = ("get_random_transformation", "get_random_transformation_batch")


def make_layer(call: Call) -> keras.layers.Layer:
    """The layer that `keras.Name(...)` or `keras_cv.Name(...)` asks for.

    Raises ValueError, in one line, for a name that is no augmentation layer or arguments that
    cannot be.
    """
    library, name = call.name.split(".")
    if library == "keras":
        layers = keras.layers
    else:
        import keras_cv

        layers = keras_cv.layers
    choices = {
        f"{library}.{other}": getattr(layers, other) for other in dir(layers)
        if any(hasattr(getattr(layers, other), mark) for mark in MARKS)
    }
    try:
        return bind(call, choices, "layer")
    except ValueError as error:
        # Keras' own messages do not say of which layer, and may have several lines.
        line = " ".join(str(error).split())
        raise ValueError(line if call.name in line else f"layer {call.name}: {line}") from None


def apply_layers(layers: tuple, images, labels, seed) -> tuple:
    """float32 [B, S, S, C] images and float32 [B, num_classes] labels after all layers.

    Raises ValueError for a layer that changes a shape.
    """
    batch = {"images": tf.cast(images, tf.float32), "labels": labels}
    for place, layer in enumerate(layers):
        changed = _call(layer, dict(batch), draw.fold_in(seed, place))
        for name, value in batch.items():
            if not value.shape.is_compatible_with(changed[name].shape):
                raise ValueError(
                    f"{layer.name}: got {name} of shape {changed[name].shape}; expected "
                    f"{value.shape}, as they went in"
                )
            # Layers written in map_fn forget the shape.
            batch[name] = tf.ensure_shape(tf.cast(changed[name], tf.float32), value.shape)
    return tf.clip_by_value(batch["images"], 0.0, 255.0), batch["labels"]


def _call(layer, batch: dict, seed) -> dict:
    generators = layer.non_trainable_variables
    if not generators:
        return layer(batch)
    if not layer.built:
        layer.build(batch["images"].shape)
    states = [
        tf.cast(draw.fold_in(seed, place), variable.dtype)
        for place, variable in enumerate(generators)
    ]
    return layer.stateless_call([], states, batch, training=True)[0]
