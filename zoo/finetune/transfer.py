"""A trained network with a new classifier, part of it frozen."""

from __future__ import annotations

import re

from zoo.finetune.stages import stage_of
from zoo.lazy import lazy_module
from zoo.models import blocks, checks

keras = lazy_module("keras")

CLASSIFIER = "head_dense"


def transfer(model: keras.Model, num_classes: int, trainable: str = "head") -> keras.Model:
    """A copy of `model` with a new last layer for `num_classes` classes.

    model: functional, of `zoo.create_model`, with its classifier or without.
    trainable: "head", only the new layer learns; "all"; or "from:STAGE", as "from:stage4", that
        stage and what follows it. What does not learn runs in inference mode, the statistics of
        its batch normalisation included, also under `fit`.

    Returns float32 logits [B, num_classes]; `model` itself stays as it is. What it knew of its
    images, `zoo.preprocess_input` knows of the copy's.

    Raises:
      ValueError: an option outside of its range, or a stage that the model does not have.
    """
    if not checks.is_positive_int(num_classes):
        raise ValueError(f"got num_classes={num_classes!r}; expected an integer >= 1")
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    if any(layer.name == CLASSIFIER for layer in copy.layers):
        features = copy.get_layer(CLASSIFIER).input
    else:
        features = copy.output
        if len(features.shape) == 4:
            pool = keras.layers.GlobalAveragePooling2D(
                data_format=blocks.DATA_FORMAT, name="head_pool"
            )
            features = pool(features)
    logits = keras.layers.Dense(
        num_classes,
        kernel_initializer=blocks.KERNEL_INITIALIZER,
        dtype="float32",
        name=CLASSIFIER,
    )(features)
    transferred = keras.Model(copy.input, logits, name=model.name)
    # Of zoo.create_model: the images are the same ones, the classes are not.
    transferred.preprocessing = getattr(model, "preprocessing", None)
    set_trainable(transferred, trainable)
    return transferred


def set_trainable(model: keras.Model, trainable: str, *, freeze_bn: bool = False) -> None:
    """Freezes all layers but those that `trainable` names, as for `transfer`.

    With `freeze_bn` no batch normalisation learns: all stay in inference mode, scale and offset
    as they are. On small sets and batches that keeps what the features were trained to be.

    Raises:
      ValueError: another text, or a stage that the model does not have.
    """
    if trainable not in ("head", "all") and not re.fullmatch(r"from:\w+", trainable):
        raise ValueError(
            f"got trainable={trainable!r}; expected 'head', 'all' or 'from:STAGE', as 'from:stage4'"
        )
    learns = trainable == "all"
    first = trainable.removeprefix("from:") if trainable.startswith("from:") else None
    known = dict.fromkeys(filter(None, (stage_of(layer.name) for layer in model.layers)))
    if first is not None and first not in known:
        raise ValueError(
            f"got trainable={trainable!r} for model {model.name!r}; "
            f"its stages are {list(known)}"
        )
    for layer in model.layers:
        begins = first is not None and stage_of(layer.name) == first
        learns = learns or begins or layer.name == CLASSIFIER
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = learns and not (is_norm and freeze_bn)


def stage_rates(model: keras.Model, decay: float) -> dict[str, float]:
    """Factors on the learning rate by weight path: 1 for the head and the last stage, `decay`
    for the stage in front of it, and so on to the images (arXiv:1801.06146, section 3.2)."""
    if decay == 1:
        return {}
    stage, order = None, {}
    for layer in model.layers:  # what is in no stage goes with the one in front of it
        stage = stage_of(layer.name) or stage
        order[layer.name] = stage
    names = [name for name in dict.fromkeys(order.values()) if name is not None]
    distance = {name: len(names) - 1 - place for place, name in enumerate(names)}
    return {
        v.path: decay ** distance.get(order[layer.name], len(names))
        for layer in model.layers for v in layer.trainable_variables
    }
