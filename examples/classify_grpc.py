"""Image files classified by TensorFlow Serving, over gRPC, which takes them as they are:

    python examples/classify_grpc.py localhost:8500 digits photo.jpg ...

The messages are those of the package tensorflow-serving-api, whose classes serve as well.
"""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
import numpy as np

from zoo.export.serving_messages import (
    PREDICT,
    PredictRequest,
    PredictResponse,
    arrays_of,
    set_tensors,
)


def classify(
    address: str, model: str, files: list[bytes], seconds: float = 30.0
) -> dict[str, np.ndarray]:
    """What the signature `encoded` answers: output -> array, a row a file.

    address: HOST:PORT. model: the name that the server has for it. seconds: that it may take.

    Raises grpc.RpcError, whose `details()` are the server's message.
    """
    request = PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, "encoded"
    set_tensors(request.inputs, {"image_bytes": files})
    with grpc.insecure_channel(address) as channel:
        predict = channel.unary_unary(
            PREDICT, PredictRequest.SerializeToString, PredictResponse.FromString
        )
        return arrays_of(predict(request, timeout=seconds).outputs)


def main(address: str, model: str, *paths: str) -> None:
    answer = classify(address, model, [Path(path).read_bytes() for path in paths])
    for path, name, shares in zip(
        paths, answer["class_name"], answer["probabilities"], strict=True
    ):
        print(path, name.decode(), f"{shares.max():.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
