"""Small pictures that lie within a page, as data: addresses."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

# Sides of a picture, pixels; up to so many it is stored without loss, and shown enlarged.
SIDE = 112
_EXACT = 48
_QUALITY = 80


class Thumbnail(NamedTuple):
    """source: an address that holds the picture. width, height: pixels. lines: of its caption.
    name: of the image, where it has one."""

    source: str
    width: int
    height: int
    lines: tuple[str, ...] = ()
    name: str = ""


def thumbnail(image: np.ndarray, lines: Sequence[str] = (), name: str = "") -> Thumbnail:
    """image: [H,W,1 or 3] in 0..255, integers or not."""
    levels = np.clip(np.round(image), 0, 255).astype(np.uint8)
    picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    picture.thumbnail((SIDE, SIDE))
    exact = max(picture.size) <= _EXACT
    text = io.BytesIO()
    if exact:
        picture.save(text, "PNG", optimize=True)
    else:
        picture.save(text, "JPEG", quality=_QUALITY)
    source = data_address(text.getvalue(), "image/png" if exact else "image/jpeg")
    return Thumbnail(source, *picture.size, tuple(lines), name)


def data_address(data: bytes, kind: str) -> str:
    """kind: its MIME type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
