"""Image files for tests, in memory."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

FORMATS = [
    ("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"),
    ("PNG", "P"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "1"), ("BMP", "RGB"), ("BMP", "RGBA"),
    ("BMP", "L"), ("BMP", "P"), ("GIF", "P"), ("GIF", "L"), ("WEBP", "RGB"),
]  # fmt: skip


def encode(image: np.ndarray, kind: str = "JPEG", mode: str = "RGB", **options) -> bytes:
    file = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.convert(mode).save(file, kind, **options)
    return file.getvalue()


def difference(a, b) -> np.ndarray:
    return np.abs(np.asarray(a, np.int32) - np.asarray(b, np.int32))
