"""SavedModel for TensorFlow Serving and for any process that has TensorFlow.

Its signatures: zoo/export/signatures.py. assets/classes.txt holds a class name a line.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.export import signatures
from zoo.export.chosen import Chosen
from zoo.export.fold import for_inference
from zoo.export.warmup import black_images, write_requests
from zoo.files import folder_aside
from zoo.given_path import is_pattern


def write(model: keras.Model, folder: Path, chosen: Chosen) -> None:
    """Writes the SavedModel into `folder`, which is empty.

    chosen: `precision` is the dtype of the network's layers; images and probabilities are float32.
    """
    images = model.preprocessing
    with folder_aside(folder.parent) as aside:
        # Serving reads the asset by this file's name.
        names_file = aside / "classes.txt"
        names_file.write_text("".join(f"{name}\n" for name in model.class_names))
        network = for_inference(model, dtype=chosen.precision)
        archive = signatures.archive(network, names_file, chosen.on_bad_image)
        archive.write_out(str(folder), verbose=False)
    write_requests(folder, black_images(images.image_size, len(images.mean)))


def opened(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Images float32 [B, S, S, C] in 0..255 -> probabilities, by TensorFlow's loader."""
    loaded = tf.saved_model.load(str(folder))

    def run(images: np.ndarray) -> np.ndarray:
        signature = loaded.signatures["serving_default"]  # of `loaded`, which keeps the variables
        return signature(images=tf.constant(images))["probabilities"].numpy()

    return run


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
