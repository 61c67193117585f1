"""SavedModel for TensorFlow Serving and for any process that has TensorFlow.

Two signatures, both with a free batch size, both with everything that happens to an image before
the network inside:

    serving_default  images       float32 [B, S, S, C] in 0..255
    encoded          image_bytes  string [B]: JPEG, PNG, BMP, GIF or WebP files of any size

Both return probabilities float32 [B, num_classes], and of the most probable class its index
class_index int64 [B] and class_name string [B]. assets/classes.txt holds a class name a line.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

from zoo.core.forward import normalise
from zoo.data.center_crop import resize_and_center_crop
from zoo.data.decode import decode_image
from zoo.export.run_model import load_run
from zoo.recipe import Recipe


def export_run(run_dir: str | Path, out: str | Path) -> Path:
    """Writes the model of a run as `out`/VERSION, VERSION one more than the largest there is.

    Written aside and renamed: a server that watches `out` never sees half a model.
    Raises ValueError, in one line, where `run_dir` is no run or `out` no folder.
    """
    recipe, model, class_names = load_run(run_dir)
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out: {out} is a file; expected a folder")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".aside-", dir=out) as aside:
        # Serving reads the asset by this file's name.
        names_file = Path(aside) / "classes.txt"
        names_file.write_text("".join(f"{name}\n" for name in class_names))
        written = Path(aside) / "model"
        _archive(recipe, model, names_file).write_out(str(written), verbose=False)
        return _rename_to_next_version(written, out)


def usage(path: Path) -> str:
    """Three lines that call an exported model."""
    return "\n".join([
        "import tensorflow as tf",
        f"model = tf.saved_model.load({str(path)!r}).signatures['encoded']",
        "print(model(image_bytes=tf.constant([open('photo.jpg', 'rb').read()]))['class_name'])",
    ])


def _archive(recipe: Recipe, model: keras.Model, names_file: Path) -> keras.export.ExportArchive:
    size, channels = recipe.image_size, recipe.channels
    class_names = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            str(names_file), tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
            tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
        ),
        default_value="",
    )

    def serve_images(images):
        logits = model(normalise(images, recipe.mean, recipe.std), training=False)
        index = tf.argmax(logits, 1)
        return {
            "probabilities": tf.nn.softmax(logits),
            "class_index": index,
            "class_name": class_names.lookup(index),
        }

    def fit(image_bytes):
        image = decode_image(image_bytes, channels)
        return resize_and_center_crop(image, size, recipe.eval_resize, recipe.eval_resizing)

    def serve_encoded(image_bytes):
        images = tf.map_fn(
            fit, image_bytes,
            fn_output_signature=tf.TensorSpec([size, size, channels], tf.uint8),
        )
        return serve_images(tf.cast(images, tf.float32))

    # An ExportArchive, not a tf.Module that holds the model: servers read a SavedModel through
    # TensorFlow's C API, which does not find a Keras 3 model's variables in the latter.
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.track(class_names)
    archive.add_endpoint(
        "serving_default", serve_images,
        [tf.TensorSpec([None, size, size, channels], tf.float32, name="images")],
    )
    # The name ends in _bytes: TensorFlow Serving's REST interface then takes base64.
    archive.add_endpoint(
        "encoded", serve_encoded, [tf.TensorSpec([None], tf.string, name="image_bytes")]
    )
    return archive


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
