"""A linear probe: the features of a frozen network, computed once, and a classifier on them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.files import written_aside
from zoo.finetune.network import in_place_of_network, network_of
from zoo.finetune.transfer import layers_of, transfer
from zoo.given_path import as_path
from zoo.lazy import lazy_module
from zoo.models import structure_of

np = lazy_module("numpy")
keras = lazy_module("keras")
linear_model = lazy_module("sklearn.linear_model")

# Inverse strengths of the L2 penalty that are tried.
STRENGTHS = (0.01, 0.1, 1.0, 10.0)


@dataclasses.dataclass(frozen=True)
class Probe:
    """A classifier on features [N, D]: logits are features @ kernel + bias.

    kernel: float32 [D, num_classes]. bias: float32 [num_classes]. strength: the one of `STRENGTHS`
    that was best in validation. top_1: the share of the validation set that it gets right.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float
    top_1: float


def features_of(
    model: keras.Model, batches: Iterable[tuple], path: str | Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Features float32 [N, D] and labels int32 [N] of all images, in inference mode.

    The features are what the model's classifier sees, or its output where it has none.

    model: functional, of `zoo.create_model`.
    batches: of (normalised images, labels, mask); what the mask leaves out is no image.
    path: an .npz file: read where it exists, else written (aside, then renamed).

    Raises:
      ValueError: the file holds the features of another model.
    """
    network = _without_classifier(model)
    fingerprint = _fingerprint(model, network)
    path = path and as_path(path)
    if path is not None and path.exists():
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["fingerprint"]) != fingerprint:
                raise ValueError(
                    f"{path} holds the features of another network; expected another file, or none"
                )
            return stored["features"], stored["labels"]
    features, labels = [], []
    for images, batch_labels, mask in batches:
        mask = np.asarray(mask)
        features.append(np.asarray(network.predict_on_batch(images))[mask])
        labels.append(np.asarray(batch_labels)[mask])
    features, labels = np.concatenate(features).astype("float32"), np.concatenate(labels)
    if path is not None:
        with written_aside(path) as aside, open(aside, "wb") as file:
            np.savez(file, features=features, labels=labels, fingerprint=fingerprint)
    return features, labels


def linear_probe(
    features: np.ndarray,
    labels: np.ndarray,
    validation_features: np.ndarray,
    validation_labels: np.ndarray,
    strengths: Sequence[float] = STRENGTHS,
) -> Probe:
    """The multinomial logistic regression that is best in validation; of equals, the simplest.

    features, labels: [N, D] and [N], of `features_of`; labels count from 0, each class occurs.

    Raises:
      ValueError: a class that has no training image.
    """
    num_classes = int(max(labels.max(), validation_labels.max())) + 1
    if missing := sorted(set(range(num_classes)) - set(labels.tolist())):
        raise ValueError(f"got no training image of class {missing[0]}; expected one of each class")
    # Scaled by one number a feature for the solver's sake; the classifier takes them unscaled.
    mean, std = features.mean(0), features.std(0) + 1e-6
    best = None
    for strength in sorted(strengths):
        regression = linear_model.LogisticRegression(C=strength, max_iter=2000)
        regression.fit((features - mean) / std, labels)
        kernel, bias = _full(regression, num_classes)
        kernel = kernel / std[:, None]
        bias = bias - mean @ kernel
        top_1 = float(np.mean((validation_features @ kernel + bias).argmax(1) == validation_labels))
        if best is None or top_1 > best.top_1:
            best = Probe(kernel.astype("float32"), bias.astype("float32"), strength, top_1)
    return best


def with_probe(model: keras.Model, probe: Probe) -> keras.Model:
    """A copy of `model` whose classifier is the probe's; only it is trainable."""
    probed = transfer(model, len(probe.bias), "head")
    _classifier_of(probed).set_weights([probe.kernel, probe.bias])
    return probed


def _without_classifier(model: keras.Model) -> keras.Model:
    network = network_of(transfer(model, 1))
    features = keras.Model(network.input, _classifier_of(network).input)
    return in_place_of_network(model, features)


def _classifier_of(model: keras.Model) -> keras.layers.Dense:
    network = network_of(model)
    return network.get_layer(structure_of(network).classifier)


def _full(regression, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernel [D, num_classes] and bias: of two classes scikit-learn keeps the second's alone."""
    kernel, bias = regression.coef_.T, regression.intercept_
    if num_classes == 2:
        kernel = np.concatenate([-kernel, kernel], 1) / 2
        bias = np.concatenate([-bias, bias]) / 2
    return kernel, bias


def _fingerprint(model: keras.Model, features: keras.Model) -> str:
    """A digest of the weights, and of what stands in front of the network of `model`: a file of
    features belongs to what made them."""
    digest = hashlib.sha256()
    inside = set(network_of(model).layers)
    for layer in layers_of(model):
        if layer not in inside and not isinstance(layer, keras.layers.InputLayer):
            # Keras numbers the names of a process.
            config = {key: value for key, value in layer.get_config().items() if key != "name"}
            digest.update(json.dumps(config, sort_keys=True, default=str).encode())
    for weight in features.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
