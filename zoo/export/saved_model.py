"""SavedModel for TensorFlow Serving and for any process that has TensorFlow.

Its signatures: zoo/export/signatures.py. assets/classes.txt holds a class name a line.
"""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np

from zoo.data.class_names import check_class_names
from zoo.export import signatures
from zoo.export.fold import for_inference
from zoo.export.warmup import black_images, write_requests
from zoo.files import folder_aside, os_errors, remove_left_aside
from zoo.given_path import as_path, is_pattern


def export_model(
    model: keras.Model, out: str | Path, *, on_bad_image: str = "fail"
) -> Path:
    """Writes `model` as `out`/VERSION, VERSION one more than the largest there is.

    Written aside and renamed: a server that watches `out` never sees half a model.

    model: of `zoo.load_model` or `zoo.create_model`, returning logits; its attributes
        `preprocessing` and `class_names` are known.
    on_bad_image: "fail": an image that cannot be read fails its request, whose message says which;
        "flag": it gets NaN probabilities, class_index -1 and the reason in the output `error`.

    Raises ValueError, in one line, for another model or argument, a class name that is not one
    line, or where `out` is no folder.
    """
    signatures.check_on_bad_image(on_bad_image)
    for name in ("preprocessing", "class_names"):
        if getattr(model, name, None) is None:
            raise ValueError(
                f"got {model.name!r} without {name}; expected a model of zoo.load_model, or one "
                f"whose attribute {name} has been set"
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
    out = as_path(out)
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out: {out} is a file; expected a folder")
    out.mkdir(parents=True, exist_ok=True)
    remove_left_aside(out)
    with folder_aside(out) as aside, os_errors(out):
        # Serving reads the asset by this file's name.
        names_file = aside / "classes.txt"
        names_file.write_text("".join(f"{name}\n" for name in model.class_names))
        written = aside / "model"
        archive = signatures.archive(for_inference(model), names_file, on_bad_image)
        archive.write_out(str(written), verbose=False)
        images = model.preprocessing
        write_requests(written, black_images(images.image_size, len(images.mean)))
        return _rename_to_next_version(written, out)


def usage(path: Path) -> str:
    """Lines that call an exported model."""
    lines = [
        "import tensorflow as tf",
        f"model = tf.saved_model.load({str(path)!r}).signatures['encoded']",
    ]
    if is_pattern(str(path)):  # it would look for the variables in other folders
        lines = [
            "import contextlib",
            "import tensorflow as tf",
            f"with contextlib.chdir({str(path)!r}):",
            "    model = tf.saved_model.load('.').signatures['encoded']",
        ]
    call = "print(model(image_bytes=tf.constant([open('photo.jpg', 'rb').read()]))['class_name'])"
    return "\n".join([*lines, call])


def _rename_to_next_version(written: Path, out: Path) -> Path:
    while True:
        versions = [int(path.name) for path in out.iterdir() if path.name.isdigit()]
        version = out / str(max(versions, default=0) + 1)
        try:
            # rename, unlike replace, fails where another export took the number meanwhile.
            os.rename(written, version)
            return version
        except OSError:
            if not version.exists():
                raise
