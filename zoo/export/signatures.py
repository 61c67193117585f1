"""The signatures of a SavedModel: what a server is asked, and what it answers.

All have a free batch size, of no image too, and everything that happens to an image before the
network inside. docs/serving.md has the table of inputs and outputs.
"""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from zoo.core.forward import normalise
from zoo.export.each_image import bytes_of_examples, network_images

_TOP = 5


def archive(
    model: keras.Model, names_file: Path, on_bad_image: str
) -> keras.export.ExportArchive:
    """All signatures of `model`, to be written.

    names_file: a class name a line; becomes an asset of the same name.
    on_bad_image: one of `zoo.export.formats.ON_BAD_IMAGE`: whether an image that cannot be read
        fails its request or is flagged in the output `error`.
    """
    known = model.preprocessing
    shape = [None, *model.input_shape[1:]]
    answers = _Answers(model, names_file, on_bad_image == "flag")

    # Traced once for both signatures.
    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.string)])
    def read(image_bytes):
        return network_images(image_bytes, known)

    def of_bytes(image_bytes):
        return answers.of(*read(image_bytes))

    def of_examples(examples):
        image_bytes, parsed = bytes_of_examples(examples)
        images, errors = read(image_bytes)
        return answers.of(
            images, tf.where(parsed, errors, "no tf.train.Example with one image/encoded")
        )

    def of_levels(images):
        images = tf.ensure_shape(images, shape)  # loaders do not compare it with the signature's
        finite = tf.reduce_all(tf.math.is_finite(images), axis=[1, 2, 3])
        return answers.of(images, tf.where(finite, "", "values that are not finite"))

    def of_whole_levels(images):
        images = tf.ensure_shape(images, shape)
        return answers.of(images, tf.fill(tf.shape(images)[:1], ""))

    # An ExportArchive, not a tf.Module that holds the model: servers read a SavedModel through
    # TensorFlow's C API, which does not find a Keras 3 model's variables in the latter.
    written = keras.export.ExportArchive()
    written.track(model)
    written.track(answers.class_names)
    levels = tf.TensorSpec(shape, tf.float32, name="images")
    written.add_endpoint("serving_default", of_levels, [levels])
    written.add_endpoint("uint8", of_whole_levels, [tf.TensorSpec(shape, tf.uint8, name="images")])
    # The name ends in _bytes: TensorFlow Serving's REST interface then takes base64.
    written.add_endpoint("encoded", of_bytes, [tf.TensorSpec([None], tf.string, "image_bytes")])
    written.add_endpoint("examples", of_examples, [tf.TensorSpec([None], tf.string, "examples")])
    written.add_endpoint("without_names", answers.without_names, [levels])
    return written


class _Answers:
    """From images in levels of 0..255, float32 or uint8 [B, S, S, C], to what is answered."""

    def __init__(self, model: keras.Model, names_file: Path, flags: bool):
        self._model, self._flags = model, flags
        self._classes = len(model.class_names)
        self.class_names = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                str(names_file), tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
                tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
            ),
            default_value="",
        )

    def without_names(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """What needs no table of texts, which TensorFlow Lite does not fill."""
        logits = self._logits(images)
        return {"probabilities": tf.nn.softmax(logits), "class_index": tf.argmax(logits, 1)}

    def of(self, images: tf.Tensor, errors: tf.Tensor) -> dict[str, tf.Tensor]:
        """errors: string [B], why an image cannot be read, "" where it can."""
        if not self._flags:
            with tf.control_dependencies([_check(errors)]):
                images = tf.identity(images)
        # Kernels of some layers refuse no images.
        logits = tf.cond(
            tf.shape(images)[0] > 0, lambda: self._logits(images),
            lambda: tf.zeros([0, self._classes]),
        )
        logits = tf.ensure_shape(logits, [None, self._classes])
        probabilities = tf.nn.softmax(logits)
        _, indices = tf.math.top_k(logits, min(_TOP, self._classes), index_type=tf.int64)
        read = (errors == "")[:, None]
        if self._flags:
            probabilities = tf.where(read, probabilities, float("nan"))
            indices = tf.where(read, indices, -1)
        found = tf.gather(probabilities, tf.maximum(indices, 0), batch_dims=1)
        names = self.class_names.lookup(indices)  # "" for -1
        return {
            "probabilities": probabilities, "class_index": indices[:, 0], "class_name": names[:, 0],
            "top_5_probabilities": found, "top_5_class_indices": indices,
            "top_5_class_names": names, **({"error": errors} if self._flags else {}),
        }

    def _logits(self, images: tf.Tensor) -> tf.Tensor:
        known = self._model.preprocessing
        logits = self._model(normalise(images, known.mean, known.std), training=False)
        return tf.cast(logits, tf.float32)


def _check(errors: tf.Tensor) -> tf.Operation:
    """Fails with the place and the reason of the first image that cannot be read."""
    wrong = tf.where(errors != "")[:, 0]
    place = tf.cond(tf.size(wrong) > 0, lambda: wrong[0], lambda: tf.constant(-1, tf.int64))
    message = tf.strings.join([
        "image ", tf.strings.as_string(place), " of the batch, counted from 0, cannot be read: ",
        tf.strings.reduce_join(tf.gather(errors, wrong[:1])),
    ])
    return tf.debugging.Assert(tf.size(wrong) == 0, [message])
