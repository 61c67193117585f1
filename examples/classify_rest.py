"""Image files classified by TensorFlow Serving, over REST; Python alone is enough:

    python examples/classify_rest.py http://localhost:8501/v1/models/digits photo.jpg ...
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def classify(model: str, files: list[bytes], seconds: float = 30.0) -> list[dict]:
    """For each file what the signature `encoded` answers: output -> value.

    model: its address, http://HOST:PORT/v1/models/NAME, or with /versions/NUMBER behind it.
    seconds: that the server may take.

    Raises RuntimeError with the server's message, OSError where there is no answer.
    """
    instances = [{"image_bytes": {"b64": base64.b64encode(file).decode()}} for file in files]
    body = json.dumps({"signature_name": "encoded", "instances": instances}).encode()
    try:
        with urllib.request.urlopen(f"{model}:predict", body, seconds) as response:
            return json.load(response)["predictions"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(json.load(error)["error"]) from None


def main(model: str, *paths: str) -> None:
    answers = classify(model, [Path(path).read_bytes() for path in paths])
    for path, answer in zip(paths, answers, strict=True):
        print(path, answer["class_name"], f"{max(answer['probabilities']):.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
