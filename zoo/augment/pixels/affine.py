"""Affine maps, one for each image, as `sample` hands them to pixels/warp.py.

A map goes from the output to the input, as PIL's `Image.transform` takes it: the output pixel with
its centre at (x, y) shows the input at (a x + b y + c, d x + e y + f), in pixels from the upper
left corner. Made in float64 and handed over in fixed point (int32 [B, 6], 16 bits behind the
point), as PIL computes: integers choose the same pixels on each backend.
"""

from __future__ import annotations

import math

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def rotation(degrees, size: int):
    """Counterclockwise about the centre. degrees: float [B] -> float64 [B, 6]."""
    angle = tf.cast(degrees, tf.float64) * (math.pi / 180)
    cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
    return centred([cos, -sin, zero, sin, cos, zero], size)


def translation(x, y):
    """Moves the picture right by x and down by y pixels; float [B] -> float64 [B, 6]."""
    return _stack([1.0, 0.0, _negative(x), 0.0, 1.0, _negative(y)], x)


def corner_shear(x, y):
    """PIL's: rows slide left by x times their distance from the upper edge, columns up by y times
    theirs from the left one; float [B] -> float64 [B, 6]."""
    return _stack([1.0, x, 0.0, y, 1.0, 0.0], x)


def shear(x, y, size: int):
    """About the centre: rows slide left below it by x times their distance, columns up right of it
    by y times theirs; float [B] -> float64 [B, 6]."""
    x, y = tf.cast(x, tf.float64), tf.cast(y, tf.float64)
    one, zero = tf.ones_like(x), tf.zeros_like(x)
    return centred([one, x, zero, y, one, zero], size)


def zoom(x, y, size: int):
    """About the centre, larger by factors x across and y down; float [B] -> float64 [B, 6]."""
    x, y = 1 / tf.cast(x, tf.float64), 1 / tf.cast(y, tf.float64)
    zero = tf.zeros_like(x)
    return centred([x, zero, zero, zero, y, zero], size)


def centred(parts, size: int):
    """The map of six float64 [B], meant about the centre of the image, about the corner."""
    a, b, c, d, e, f = parts
    centre = size / 2
    return _stack([
        a, b, c + centre - a * centre - b * centre,
        d, e, f + centre - d * centre - e * centre,
    ], a)


def fixed_point(maps):
    """float64 [B, 6] -> int32 [B, 6], with half a pixel added: from centre to centre.

    Entries must be within 128 and offsets within 32,000 pixels.
    """
    a, b, c, d, e, f = tf.unstack(maps, axis=1)
    parts = tf.stack([a, b, c + (a + b) * 0.5, d, e, f + (d + e) * 0.5], 1)
    return tf.cast(tf.floor(parts * 65536.0 + 0.5), tf.int32)


def _negative(value):
    return -tf.cast(value, tf.float64)


def _stack(parts, like):
    ones = tf.ones_like(tf.cast(like, tf.float64))
    return tf.stack([tf.cast(part, tf.float64) * ones for part in parts], 1)
