"""TensorFlow Serving's messages of a prediction, without its package.

The package `tensorflow-serving-api` has them, too, and its fields, numbers and bytes are the same:
https://github.com/tensorflow/serving, tensorflow_serving/apis, predict.proto, model.proto and
prediction_log.proto. They are built in a pool of their own, so that both can be in one process.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from tensorflow.core.framework import tensor_pb2

# The method of the gRPC service: PredictRequest -> PredictResponse.
PREDICT = "/tensorflow.serving.PredictionService/Predict"

_PACKAGE, _FILE = "tensorflow.serving", "zoo/serving_messages.proto"
# Message -> field -> its number and type; a message with fields key and value is a map's entry.
_MESSAGES = {
    "ModelSpec": {
        "name": (1, "string"), "version": (2, ".google.protobuf.Int64Value"),
        "signature_name": (3, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec"), "inputs": (2, {"key": "string", "value": "Tensor"}),
        "output_filter": (3, ["string"]),
    },
    "PredictResponse": {
        "outputs": (1, {"key": "string", "value": "Tensor"}), "model_spec": (2, "ModelSpec"),
    },
    "PredictLog": {"request": (1, "PredictRequest"), "response": (2, "PredictResponse")},
    "PredictionLog": {"predict_log": (6, "PredictLog")},
}
_FIELD = descriptor_pb2.FieldDescriptorProto


def _built(pool: descriptor_pool.DescriptorPool) -> dict[str, type]:
    file = descriptor_pb2.FileDescriptorProto(
        name=_FILE, package=_PACKAGE, syntax="proto3",
        dependency=[tensor_pb2.DESCRIPTOR.name, wrappers_pb2.DESCRIPTOR.name],
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            if isinstance(kind, dict):
                entry = message.nested_type.add(name=f"{field.capitalize()}Entry")
                entry.options.map_entry = True
                for place, (part, part_kind) in enumerate(kind.items(), start=1):
                    _add(entry, part, place, part_kind)
                kind = [f".{_PACKAGE}.{name}.{entry.name}"]
            _add(message, field, number, kind)
    for dependency in (tensor_pb2.DESCRIPTOR, wrappers_pb2.DESCRIPTOR):
        _add_file(pool, dependency, set())
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


def _add(message, name: str, number: int, kind: str | list[str]) -> None:
    """kind: "string" or a message's name; in a list: repeated."""
    field = message.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
    if isinstance(kind, list):
        field.label, kind = _FIELD.LABEL_REPEATED, kind[0]
    if kind == "string":
        field.type = _FIELD.TYPE_STRING
        return
    field.type = _FIELD.TYPE_MESSAGE
    full = ".tensorflow.TensorProto" if kind == "Tensor" else kind
    field.type_name = full if full.startswith(".") else f".{_PACKAGE}.{full}"


def _add_file(pool: descriptor_pool.DescriptorPool, file, added: set[str]) -> None:
    if file.name not in added:
        for dependency in file.dependencies:
            _add_file(pool, dependency, added)
        pool.AddSerializedFile(file.serialized_pb)
        added.add(file.name)


_CLASSES = _built(descriptor_pool.DescriptorPool())
PredictRequest = _CLASSES["PredictRequest"]
PredictResponse = _CLASSES["PredictResponse"]
PredictionLog = _CLASSES["PredictionLog"]


def set_tensors(tensors, values: dict[str, tf.Tensor]) -> None:
    """Puts tensors or arrays into the map `inputs` of a request or `outputs` of a response."""
    for name, value in values.items():
        tensors[name].ParseFromString(tf.make_tensor_proto(value).SerializeToString())


def arrays_of(tensors) -> dict[str, np.ndarray]:
    """The other way."""
    return {
        name: tf.make_ndarray(tensor_pb2.TensorProto.FromString(value.SerializeToString()))
        for name, value in tensors.items()
    }
