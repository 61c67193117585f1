"""Brightness, contrast, saturation and hue of float images, as one linear map a pixel.

Brightness scales. Contrast blends with the image's mean luma, saturation with the pixel's luma.
Hue turns the chroma plane of YIQ, by half turns (the linear form, which keeps luma and greys;
MXNet's HueJitterAug). On unclipped images the four commute: a random order, as torchvision and
GluonCV draw it, would change nothing.
"""

from __future__ import annotations

import math

from zoo.augment.pixels.arguments import require_colour
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")

LUMA = (0.299, 0.587, 0.114)
# A quarter turn of the chroma plane: inverse(YIQ) @ [[0, 0, 0], [0, 0, -1], [0, 1, 0]] @ YIQ with
# YIQ = [LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]].
QUARTER_TURN = (
    (0.1686218, 0.3298047, -0.4984265),
    (-0.3279634, 0.0346107, 0.2933527),
    (1.2464614, -1.0432289, -0.2032325),
)


def luma(images):
    """[B, S, S, C] -> [B, S, S, 1]; one channel is its own."""
    if images.shape[-1] == 1:
        return images
    return sum(images[..., k:k + 1] * weight for k, weight in enumerate(LUMA))


def change_brightness(images, brightness):
    """float32 [B, S, S, C], factors float32 [B] -> the same, unclipped, as all of these."""
    return images * brightness[:, None, None, None]


def change_chroma(op: str, images, saturation, hue):
    """float32 [B, S, S, 3]; saturation: factors; hue: half turns; float32 [B] or a number."""
    require_colour(op, images.shape[-1])
    cos, sin = (saturation * part for part in (ops.cos(hue * math.pi), ops.sin(hue * math.pi)))
    # identity + (s cos - 1) chroma + s sin quarter turn: to the bit the identity at 1 and 0.
    rows = []
    for source, weight in enumerate(LUMA):
        row = []
        for target in range(3):
            same = 1.0 if source == target else 0.0
            turned = QUARTER_TURN[target][source]
            row.append(same + (cos - 1.0) * (same - weight) + sin * turned)
        rows.append(ops.stack(row, axis=-1)[:, None, None])
    return sum(images[..., source:source + 1] * row for source, row in enumerate(rows))


def change_contrast(images, contrast):
    """Blends with the mean luma. images: float32 [B, S, S, C]; contrast: factor, float32 [B]."""
    # Rows first: a float32 sum over all pixels at once loses a thousandth of a level.
    mean = ops.mean(ops.mean(luma(images), axis=2, keepdims=True), axis=1, keepdims=True)
    share = ops.reshape(contrast, (-1, 1, 1, 1))
    return images * share + (1.0 - share) * mean


def clip(images):
    return ops.clip(images, 0.0, 255.0)
