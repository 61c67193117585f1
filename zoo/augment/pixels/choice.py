"""One of sixteen operations for each image: what RandAugment and its kin are made of.

On whole levels and in PIL's definitions: an operation gives PIL's result to the bit, autocontrast
within a level (PIL truncates quotients that its division has made a hair too small). All floats
here are whole levels times factors of 12 bits behind the point: exact in float32, so the same on
each backend, compiled or not.

Whatever was drawn, a round is one gather for all geometric operations and one pass over the pixels
for all others: each image goes through all of them, with settings that change nothing but for the
operation that it drew. Only the statistics of `autocontrast` and `equalize` are computed for the
images that drew these (pixels/histogram.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import affine, draw
from zoo.augment.pixels.histogram import equalize, extremes
from zoo.augment.pixels.levels import column, pack, pack_planes, planes, same_in_each, unpack
from zoo.augment.pixels.smooth import inner, smooth_sum
from zoo.augment.pixels.warp import warp_packed
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")
tf = lazy_module("tensorflow")

OPERATIONS = (
    "identity", "autocontrast", "equalize", "rotate", "solarize", "color", "posterize",
    "contrast", "brightness", "sharpness", "shear_x", "shear_y", "translate_x", "translate_y",
    "invert", "solarize_add",
)
GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
BLENDS = ("color", "contrast", "brightness", "sharpness")
FILL = 128  # level of pixels from outside the image, as in the papers' code
# The weights of PIL's convert("L"), in 16 bits behind the point.
GREY = (19595, 38470, 7471)


@dataclass(frozen=True)
class Ranges:
    """How strong each operation is at the full magnitude; at none it changes nothing.

    rotate: degrees. shear: tangent. translate: share of the side. enhance: a factor of
    1 +- this for the blends. posterize: bits taken away of `bits`. Thresholds of `solarize` go from
    256 down to 0; `solarize_add` adds up to 110 to the levels below 128. All but the last three
    have a random sign. truncates: whole numbers are cut off, as timm does, not rounded.
    """

    rotate: float
    shear: float
    translate: float
    enhance: float
    posterize: int
    bits: int = 8
    truncates: bool = False


def draw_round(seed, operation, fraction, size: int, ranges: Ranges) -> dict:
    """The parameters of a round, for `stack_rounds`.

    operation: int32 [B], places in OPERATIONS. fraction: float32 [B] in 0..1, the magnitude.
    Gives operation; strength: float32 [B], in the operation's own unit; map: int32 [B, 6].
    """
    sign = tf.where(draw.chance(seed, operation.shape[0], 0.5), 1.0, -1.0)
    bent = sign * fraction
    # A little more, so that 7 / 10 of a multiple of ten is not cut off to one less.
    whole = (lambda x: tf.floor(x + 1e-4)) if ranges.truncates else tf.round
    strengths = {
        "rotate": ranges.rotate * bent,
        "shear_x": ranges.shear * bent,
        "shear_y": ranges.shear * bent,
        "translate_x": ranges.translate * size * bent,
        "translate_y": ranges.translate * size * bent,
        "posterize": ranges.bits - whole(ranges.posterize * fraction),
        "solarize": 256.0 - whole(256.0 * fraction),
        "solarize_add": whole(110.0 * fraction),
        **dict.fromkeys(BLENDS, tf.round((1.0 + ranges.enhance * bent) * 4096.0) / 4096.0),
    }
    table = tf.stack([strengths.get(name, tf.zeros_like(bent)) for name in OPERATIONS], 1)
    strength = tf.gather(table, operation, batch_dims=1)
    return {"operation": operation, "strength": strength,
            "map": _maps(operation, strength, size)}


def _maps(operation, strength, size: int):
    """The fixed-point maps of the geometric operations, the identity for all others."""
    zero = tf.zeros_like(strength)
    choices = {
        "rotate": affine.rotation(strength, size),
        "shear_x": affine.corner_shear(strength, zero),
        "shear_y": affine.corner_shear(zero, strength),
        "translate_x": affine.translation(strength, zero),
        "translate_y": affine.translation(zero, strength),
    }
    identity = affine.translation(zero, zero)
    table = tf.stack([choices.get(name, identity) for name in OPERATIONS], 1)
    return affine.fixed_point(tf.gather(table, operation, batch_dims=1))


def stack_rounds(rounds: list) -> dict:
    """What `apply_rounds` takes: operation int32 [B, n], strength float32 [B, n], map int32
    [B, n, 6] of n rounds."""
    return {name: tf.stack([drawn[name] for drawn in rounds], 1) for name in rounds[0]}


def apply_rounds(images, parameters: dict):
    """Round after round. float32 [B, S, S, C], C of 1 or 3 -> the same, in whole levels.

    An image that drew the identity alone comes out as it went in, fractions of levels included.
    """
    channels = images.shape[-1]

    # A loop, so that XLA compiles one round only: seconds each.
    def one_round(place, packed):
        drawn = {name: ops.take(value, place, axis=1) for name, value in parameters.items()}
        return apply_round(packed, drawn, channels)

    count = parameters["operation"].shape[1]
    packed = ops.fori_loop(0, count, one_round, pack(images))
    changed = ops.any(parameters["operation"] > 0, axis=1)
    return ops.where(changed[:, None, None, None], unpack(packed, channels), images)


def apply_round(packed, drawn: dict, channels: int):
    """int32 [B, S, S], packed levels -> the same."""
    operation, strength = drawn["operation"], drawn["strength"]

    def chose(*names):
        return sum(ops.cast(operation == OPERATIONS.index(name), "int32") for name in names) > 0

    # The condition also keeps XLA from fusing the gather into what follows: such loops are not
    # vectorised, and the round took three times as long.
    packed = ops.cond(
        ops.any(chose(*GEOMETRIC)),
        lambda: warp_packed(packed, drawn["map"], same_in_each(FILL, channels)),
        lambda: packed,
    )
    raw = planes(packed, channels)
    size = packed.shape[1]
    # What the blends start from is made of `raw`. For the images that blend, the levels computed
    # below are the same, but XLA would compute those again for each neighbour of a pixel.
    grey = ops.cast(_grey(raw), "float32")
    mean = ops.sum(ops.sum(_grey(raw), axis=2), axis=1)
    mean = ops.cast((mean + size * size // 2) // (size * size), "float32")
    flat = ops.where(column(chose("contrast")), column(mean), 0.0)
    flat = ops.where(column(chose("color")), grey, flat)
    sharpened = column(chose("sharpness"))
    low, high = extremes(packed, chose("autocontrast"), channels)

    bits = ops.cast(ops.where(chose("posterize"), strength, 8.0), "int32")
    mask = column(256 - ops.left_shift(ops.ones_like(bits), 8 - bits))
    threshold = column(ops.where(
        chose("solarize"), strength, ops.where(chose("invert"), 0.0, 256.0)
    ))
    added = column(ops.where(chose("solarize_add"), strength, 0.0))
    factor = column(ops.where(chose(*BLENDS), strength, 1.0))
    changed = []
    for plane, least, most in zip(raw, low, high, strict=True):
        level = ops.cast(ops.bitwise_and(plane, mask), "float32")
        level = ops.where(level < threshold, level, 255.0 - level)
        level = ops.where(level < 128.0, level + added, level)
        # A quotient of whole numbers is whole or far from whole: 1 / 1024 makes up for rounding.
        level = ops.floor((level - column(least)) * column(255.0 / (most - least)) + 1 / 1024)
        # Multiples of 1 / 13 are never near a half: the product's own rounding does not matter.
        smooth = ops.floor(ops.cast(smooth_sum(plane), "float32") * (1 / 13) + 0.5)
        base = ops.where(sharpened, ops.where(inner(size), smooth, level), flat)
        level = ops.clip(base + factor * (level - base), 0.0, 255.0)
        changed.append(ops.cast(level, "int32"))
    return equalize(pack_planes(changed), chose("equalize"), channels)


def _grey(levels: list):
    if len(levels) == 1:
        return levels[0]
    weighted = sum(level * weight for level, weight in zip(levels, GREY, strict=True))
    return ops.right_shift(weighted + 32768, 16)
