"""TensorFlow Serving's messages, and the requests that an export carries for its start."""

from __future__ import annotations

import tensorflow as tf

from zoo.export.serving_messages import (
    PredictionLog,
    PredictRequest,
    PredictResponse,
    arrays_of,
    set_tensors,
)
from zoo.export.warmup import FILE

# What the classes of the package tensorflow-serving-api 2.21.0 write, in hexadecimal digits.
REQUEST = (
    "0a150a06646967697473120208031a07656e636f646564121c0a0b696d6167655f6279746573120d0807120412020801"
    "42036162631a0a636c6173735f6e616d65"
)
RESPONSE = (
    "0a1a0a0b636c6173735f696e646578120b08091204120208015201070a1d0a0a636c6173735f6e616d65120f08071204"
    "120208014205736576656e12080a06646967697473"
)


def test_messages_are_those_of_the_servers_package():
    request = PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "digits", "encoded"
    request.model_spec.version.value = 3
    set_tensors(request.inputs, {"image_bytes": [b"abc"]})
    request.output_filter.append("class_name")
    assert request.SerializeToString(deterministic=True).hex() == REQUEST
    answer = arrays_of(PredictResponse.FromString(bytes.fromhex(RESPONSE)).outputs)
    assert answer == {"class_index": [7], "class_name": [b"seven"]}


def test_each_signature_answers_the_request_that_the_export_carries(finished_run):
    version = str(finished_run / "export" / "1")
    loaded = tf.saved_model.load(version)
    asked = {}
    for record in tf.data.TFRecordDataset(f"{version}/{FILE}").as_numpy_iterator():
        request = PredictionLog.FromString(record).predict_log.request
        asked[request.model_spec.signature_name] = arrays_of(request.inputs)
    assert sorted(asked) == sorted(loaded.signatures)
    for name, inputs in asked.items():
        signature = loaded.signatures[name]
        tensors = {
            key: tf.constant(value, signature.structured_input_signature[1][key].dtype)
            for key, value in inputs.items()
        }
        assert signature(**tensors)["class_index"].shape == (1,)
