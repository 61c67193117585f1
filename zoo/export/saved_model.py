"""SavedModel for TensorFlow Serving and for any process that has TensorFlow.

Three signatures, all with a free batch size, of no image too, and with everything that happens to
an image before the network inside:

    serving_default  images       float32 [B, S, S, C] in 0..255; [B, H, W, C] of any size where
                                  the model's height and width are open
    encoded          image_bytes  string [B]: JPEG, PNG, BMP, GIF or WebP files of any size, turned
                                  upright by their EXIF data where the model was trained so
    without_names    images       as of serving_default

All return probabilities float32 [B, num_classes], and of the most probable class its index
class_index int64 [B] and, but for the last, class_name string [B]. assets/classes.txt holds a class
name a line. The last has no table of texts, which TensorFlow Lite does not fill.
"""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.core.forward import normalise
from zoo.data.center_crop import resize_and_center_crop
from zoo.data.class_names import check_class_names
from zoo.data.decode import decode_image
from zoo.export.fold import for_inference
from zoo.files import folder_aside, os_errors, remove_left_aside
from zoo.given_path import as_path, is_pattern


def export_model(model: keras.Model, out: str | Path) -> Path:
    """Writes `model` as `out`/VERSION, VERSION one more than the largest there is.

    Written aside and renamed: a server that watches `out` never sees half a model.

    model: of `zoo.load_model` or `zoo.create_model`, returning logits; its attributes
        `preprocessing` and `class_names` are known, its images grey or RGB.

    Raises ValueError, in one line, for another model, a class name that is not one line, or where
    `out` is no folder.
    """
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
        _archive(model, names_file).write_out(str(written), verbose=False)
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


def _archive(model: keras.Model, names_file: Path) -> keras.export.ExportArchive:
    model = for_inference(model)
    known = model.preprocessing
    size, channels = known.image_size, len(known.mean)
    class_names = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            str(names_file), tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
            tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
        ),
        default_value="",
    )

    def classify(images):
        logits = model(normalise(images, known.mean, known.std), training=False)
        return {"probabilities": tf.nn.softmax(logits), "class_index": tf.argmax(logits, 1)}

    def serve_images(images):
        # Kernels of some layers refuse no images.
        answer = tf.cond(
            tf.shape(images)[0] > 0,
            lambda: classify(images),
            lambda: {"probabilities": tf.zeros([0, len(model.class_names)]),
                     "class_index": tf.zeros([0], tf.int64)},
        )
        return {**answer, "class_name": class_names.lookup(answer["class_index"])}

    def fit(image_bytes):
        image = decode_image(image_bytes, channels, known.orientation)
        return resize_and_center_crop(image, size, known.eval_resize, known.resizing)

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
    images = tf.TensorSpec(model.input_shape, tf.float32, name="images")
    archive.add_endpoint("serving_default", serve_images, [images])
    archive.add_endpoint("without_names", classify, [images])
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
