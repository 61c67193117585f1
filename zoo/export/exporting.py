"""From a model to a file that other programs load, checked as it is made."""

from __future__ import annotations

import dataclasses
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.class_names import check_class_names
from zoo.export import formats
from zoo.export.chosen import Chosen
from zoo.export.versions import next_version
from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import keras
    import numpy as np
else:
    keras = lazy_module("keras")
    np = lazy_module("numpy")
check = lazy_module("zoo.export.check")
network = lazy_module("zoo.export.network")
pictures = lazy_module("zoo.export.pictures")
readmes = lazy_module("zoo.export.readme")

RECORD, README = "export.json", "README.md"


def export_model(
    model: keras.Model,
    path: str | Path,
    *,
    format: str = "saved_model",
    precision: str = "float32",
    images: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    representative: np.ndarray | None = None,
    of: str = "images of the caller",
    on_bad_image: str = "fail",
) -> Path:
    """Writes `model` as `path`/VERSION, VERSION one more than the largest there is.

    Images in levels of 0..255 go in, probabilities come out; batch normalisation is folded
    (`zoo.for_inference`). What was written is opened and called, and its answers compared with the
    model's: export.json beside it has the largest difference and the share of equal labels, and
    README.md says what the model is and how it is called. A version appears at once and whole.

    Args:
      model: of `zoo.load_model` or `zoo.create_model`, returning logits; its attributes
        `preprocessing` and `class_names` are known.
      path: a folder, as servers watch it.
      format: "saved_model", "litert", "onnx", "openvino" or "keras".
      precision: "float32", "bfloat16", "float16", "int8" or "int8_dynamic"; see
        `zoo.export.formats`.
      images: what it is checked on, uint8 or float [N, S, S, C] in 0..255; None: images that
        installed packages ship.
      labels: int [N], of the images; with them the accuracies are kept, too.
      representative: images as `images`, of training, that int8 takes the ranges of its values
        from.
      of: where the images are from, in words.
      on_bad_image: of a SavedModel: "fail": an image that cannot be read fails its request, whose
        message says which; "flag": it gets NaN probabilities, class_index -1 and the reason in the
        output `error`.

    Returns the version's folder.

    Raises ValueError, in one line, for another model or argument, a package that is missing, or
    answers past the bound of the format; then nothing is left.
    """
    form = formats.find(format, precision, on_bad_image)
    check_model(model)
    if precision == "int8" and representative is None:
        raise ValueError(
            "--precision: int8 takes the ranges of its values from images of training, got none; "
            "expected --data (in an app: representative)"
        )
    shape = model.preprocessing.input_shape
    for name, given in (("images", images), ("representative", representative)):
        if given is not None and (given.shape[1:] != shape or len(given) == 0):
            raise ValueError(f"got {name} of shape {given.shape}; expected [N, {shape[0]}, "
                             f"{shape[1]}, {shape[2]}]")
    if images is None:
        shown = pictures.of_packages(model.preprocessing)
    else:
        shown = pictures.Pictures(images, labels, of)
    expected = network.expected(model, shown.images)
    with next_version(path) as version:
        folder = version.written
        form.module.write(model, folder, Chosen(precision, representative, on_bad_image))
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        compared = check.compare(
            form.module.opened(folder), expected, shown, form.bounds[precision]
        )
        record = _record(model, format, precision, form) | {
            "bytes": size, "check": compared.fields()
        }
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        card = dataclasses.replace(
            model.card, class_names=tuple(model.class_names), preprocessing=model.preprocessing
        )
        text = readmes.readme(card, record, form.module.usage(Path()))
        (folder / README).write_text(text, encoding="utf-8")
    return version.path


def check_model(model: keras.Model) -> None:
    """Raises ValueError, in one line, for a model that cannot be exported."""
    for name in ("preprocessing", "class_names"):
        if getattr(model, name, None) is None:
            raise ValueError(
                f"got {model.name!r} without {name}; expected a model of zoo.load_model for square "
                f"images, or one whose attribute {name} has been set"
            )
    made, taken = model.preprocessing.input_shape, model.input_shape[1:]
    if made[2] not in (1, 3) or any(side not in (made[0], None) for side in taken[:2]):
        raise ValueError(
            f"got {model.name!r} for images of {taken}, whose preprocessing makes {made}; expected "
            "the same height and width, and 1 or 3 channels, as files have"
        )
    check_class_names(model.class_names)
    if model.card.classifier_activation is not None:
        raise ValueError(
            f"got {model.name!r} with classifier_activation={model.card.classifier_activation!r}; "
            "expected None: the softmax is part of what is written"
        )
    for weight in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            raise ValueError(
                f"got {model.name!r} with a value of {weight.path} that is not finite; expected "
                "finite ones: its training has diverged"
            )


def record_of(version: Path) -> dict[str, Any]:
    """What export.json of a version says."""
    return json.loads((version / RECORD).read_text())


def usage(version: Path) -> str:
    """Lines of Python that call a version."""
    return formats.find(record_of(version)["format"]).module.usage(version)


def _record(
    model: keras.Model, format: str, precision: str, form: formats.Format
) -> dict[str, Any]:
    packages = ("tensorflow", "keras", *(name.replace("_", "-") for name in form.packages))
    return {
        "format": format, "precision": precision, "model": model.card.model,
        "num_classes": len(model.class_names), "input_shape": list(model.preprocessing.input_shape),
        "preprocessing": dataclasses.asdict(model.preprocessing),
        "versions": {"python": platform.python_version(),
                     **{name: metadata.version(name) for name in packages}},
    }
