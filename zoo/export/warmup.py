"""Requests that TensorFlow Serving sends itself when it loads a SavedModel, before it serves it.

The first request of a signature takes seconds, in which TensorFlow optimizes its graph: so no
client waits for that. https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from zoo.export.serving_messages import PredictionLog, set_tensors

# Where the server looks for them, below the model's folder.
FILE = "assets.extra/tf_serving_warmup_requests"


def write_requests(folder: Path, inputs: Mapping[str, Mapping[str, tf.Tensor]]) -> None:
    """Writes a request a signature into the SavedModel in `folder`.

    inputs: signature -> name of an input -> its value.
    """
    file = folder / FILE
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, values in inputs.items():
            log = PredictionLog()
            # The server puts its own name of the model in.
            log.predict_log.request.model_spec.signature_name = signature
            set_tensors(log.predict_log.request.inputs, values)
            writer.write(log.SerializeToString(deterministic=True))


def black_images(image_size: int, channels: int) -> dict[str, dict[str, tf.Tensor]]:
    """One black image for each signature of zoo/export/signatures.py."""
    # Values that are all equal are written once: a few bytes.
    shape = [1, image_size, image_size, channels]
    levels = tf.make_tensor_proto(0.0, tf.float32, shape)
    whole_levels = tf.make_tensor_proto(0, tf.uint8, shape)
    encoded = tf.io.encode_png(tf.zeros(shape[1:], tf.uint8)).numpy()
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded]))
    example = tf.train.Example(features=tf.train.Features(feature={"image/encoded": value}))
    return {
        "serving_default": {"images": levels}, "uint8": {"images": whole_levels},
        "encoded": {"image_bytes": [encoded]},
        "examples": {"examples": [example.SerializeToString()]},
        "without_names": {"images": levels},
    }
