"""A trained network with a new classifier, part of it frozen."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo.finetune.network import in_place_of_network, network_of
from zoo.finetune.stages import stage_names
from zoo.lazy import lazy_module
from zoo.models import blocks, checks, count_trainable, structure_of

if TYPE_CHECKING:
    import keras
else:
    keras = lazy_module("keras")


@checks.takes_numpy_numbers
def transfer(model: keras.Model, num_classes: int, trainable: str = "head") -> keras.Model:
    """A copy of `model` with a new last layer for `num_classes` classes.

    model: functional, of `zoo.create_model`, with its classifier or without; or another in which
        `zoo.finetune.network.network_of` finds a network. What stands in front of that, as the
        layer of `zoo.with_preprocessing`, stays there; a softmax behind it goes.
    trainable: "head", only the new layer learns; "head+norm", that and the last batch
        normalisation before it (arXiv 1906.06423, section 4.2); "all"; or "from:STAGE", as
        "from:stage4", that stage and what follows it. What does not learn runs in inference mode,
        the statistics of its batch normalisation included, also under `fit`.

    Returns a model of float32 logits [B, num_classes]; `model` itself stays as it is. The copy
    has the same `preprocessing`, which `zoo.preprocess_input` reads; its `class_names` are None
    until they are set, and `zoo.save_pretrained` writes it.

    Raises:
      ValueError: an option outside of its range, a stage that the model does not have, or nothing
        is known of its structure.
    """
    if not checks.is_positive_int(num_classes):
        raise ValueError(f"got num_classes={num_classes!r}; expected an integer >= 1")
    network = network_of(model)
    structure = structure_of(network)
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    if any(layer.name == structure.classifier for layer in copy.layers):
        features = copy.get_layer(structure.classifier).input
    else:
        features = copy.output
        if len(features.shape) == 4:
            pool = keras.layers.GlobalAveragePooling2D(
                data_format=blocks.DATA_FORMAT, name=f"{structure.head}_pool"
            )
            features = pool(features)
    logits = keras.layers.Dense(
        num_classes,
        kernel_initializer=blocks.KERNEL_INITIALIZER,
        dtype="float32",
        name=structure.classifier,
    )(features)
    transferred = keras.Model(copy.input, logits, name=network.name)
    transferred.structure = structure
    # Of zoo.create_model: the images are the same ones, the classes are not.
    transferred.preprocessing = getattr(network, "preprocessing", None)
    transferred.weights_preprocessing = getattr(network, "weights_preprocessing", None)
    transferred.class_names = None
    if (card := getattr(network, "card", None)) is not None:
        transferred.card = dataclasses.replace(
            card, num_classes=num_classes, include_top=True, pooling=None,
            classifier_activation=None, class_names=None, recipe=None, accuracies={}, command="",
            parameters=count_trainable(transferred),
        )
    transferred = in_place_of_network(model, transferred)
    set_trainable(transferred, trainable)
    return transferred


def set_trainable(model: keras.Model, trainable: str, *, freeze_bn: bool = False) -> None:
    """Freezes all layers but those that `trainable` names, as for `transfer`.

    The last layer of an auxiliary head learns whenever the classifier does. With `freeze_bn` no
    batch normalisation learns: all stay in inference mode, scale and offset as they are. On small
    sets and batches that keeps what the features were trained to be.

    Raises:
      ValueError: another text, a stage that the model does not have, or nothing is known of its
        structure, which "all" does without.
    """
    if not re.fullmatch(r"head|head\+norm|all|from:\w+", trainable):
        raise ValueError(
            f"got trainable={trainable!r}; expected 'head', 'head+norm', 'all' or 'from:STAGE', as "
            "'from:stage4'"
        )
    learning = None if trainable == "all" else _learning_layers(network_of(model), trainable)
    model.trainable = True  # a frozen model freezes all layers inside of it
    for layer in layers_of(model):
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        learns = learning is None or layer in learning
        layer.trainable = learns and not (is_norm and freeze_bn)


def stage_rates(model: keras.Model, decay: float) -> dict[str, float]:
    """Factors on the learning rate by weight path: 1 for the head and the last stage, `decay`
    for the stage in front of it, and so on to the images (arXiv:1801.06146, section 3.2).

    Raises:
      ValueError: nothing is known of the model's structure, which a `decay` of 1 does without.
    """
    if decay == 1:
        return {}
    network, names = network_of(model), stage_names(model)
    structure = structure_of(network)
    distance = len(names)  # of what stands in front of the first stage
    rates = {}
    for layer in network.layers:  # what is in no stage goes with the one in front of it
        stage = structure.stage_of(layer.name)
        if stage is not None:
            distance = len(names) - 1 - names.index(stage)
        rates.update({v.path: decay**distance for v in layer.trainable_variables})
    return rates


def classifier_weights(model: keras.Model) -> list[str]:
    """The paths of the weights of the classifiers: the last layer of the head, and of each
    auxiliary head.

    Raises:
      ValueError: nothing is known of the model's structure.
    """
    network = network_of(model)
    last = structure_of(network).heads.values()
    return [v.path for layer in network.layers if layer.name in last for v in layer.weights]


def set_classifier_bias(model: keras.Model, value: float) -> None:
    """Sets each bias of the classifiers, the auxiliary heads' too, to `value`.

    Raises:
      ValueError: nothing is known of the model's structure, or no classifier has a bias.
    """
    paths = set(classifier_weights(model))
    biases = [v for v in network_of(model).weights if v.path in paths and len(v.shape) == 1]
    if not biases:
        raise ValueError(f"the classifier of model {model.name!r} has no bias; expected one")
    for bias in biases:
        bias.assign([value] * bias.shape[0])


def _learning_layers(network: keras.Model, trainable: str) -> set[keras.Layer]:
    """The layers that learn, as `set_trainable` is told, of all but "all"."""
    structure = structure_of(network)
    last = {layer for layer in network.layers if layer.name in structure.heads.values()}
    if trainable == "head":
        return last
    if trainable == "head+norm":
        return last | {_last_norm(network)}
    known, stage = stage_names(network), trainable.removeprefix("from:")
    if stage not in known:
        raise ValueError(
            f"got trainable={trainable!r} for model {network.name!r}; its stages are {known}"
        )
    first = [structure.stage_of(layer.name) for layer in network.layers].index(stage)
    return last | set(network.layers[first:])


def _last_norm(network: keras.Model) -> keras.Layer:
    """The batch normalisation that is nearest to the output, not one of an auxiliary head."""
    # Not by the classifier's own `output`: of layers that were called again it is the first one's.
    outputs = network.output
    way = keras.Model(network.input, outputs["logits"] if isinstance(outputs, dict) else outputs)
    norms = [
        layer for layer in way.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not norms:
        raise ValueError(
            f"got trainable='head+norm' for model {network.name!r}, which has no batch "
            "normalisation; expected 'head', 'all' or 'from:STAGE'"
        )
    return norms[-1]


def layers_of(model: keras.Model) -> Iterator[keras.Layer]:
    """All layers, those of the models among them instead of these."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_of(layer)
        else:
            yield layer
