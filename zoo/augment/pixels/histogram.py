"""Operations that depend on the statistics of each image, on packed levels (pixels/levels.py).

They loop over the images that drew the operation, a few of a batch: computed for all images, the
statistics alone would take longer than the rest of a round of RandAugment.
"""

from __future__ import annotations

from zoo.augment.pixels.levels import pack_planes, planes
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


def equalize(packed, drawn, channels: int):
    """Spreads the levels of each channel to equal numbers of pixels, as PIL does.

    int32 [B, S, S], bool [B] -> int32 [B, S, S].
    """
    def equalize_one(place, packed):
        levels = planes(_image(packed, place), channels)
        spread = [ops.take(equalize_table(histogram(plane)), plane) for plane in levels]
        return ops.slice_update(packed, (place, 0, 0), pack_planes(spread))

    return _for_each(drawn, equalize_one, packed)


def extremes(packed, drawn, channels: int) -> tuple:
    """Lowest and highest level of each channel: two lists of C float32 [B].

    0 and 255 where it was not drawn, and where a channel has one level only.
    """
    def measure_one(place, found):
        levels = planes(_image(packed, place), channels)
        low = ops.stack([ops.min(ops.min(plane, axis=1)) for plane in levels])
        high = ops.stack([ops.max(ops.max(plane, axis=1)) for plane in levels])
        measured = ops.where(high > low, ops.stack([low, high]), whole)
        return ops.slice_update(found, (place, 0, 0), measured[None])

    whole = ops.convert_to_tensor([[0] * channels, [255] * channels], "int32")
    start = ops.tile(whole[None], (packed.shape[0], 1, 1))
    found = ops.cast(_for_each(drawn, measure_one, start), "float32")
    return tuple([found[:, end, channel] for channel in range(channels)] for end in (0, 1))


def histogram(levels):
    """int32 of any shape in 0..255 -> int32 [256]: how often each level is there."""
    flat = ops.reshape(levels, (-1,))
    return ops.segment_sum(ops.ones_like(flat), flat, num_segments=256)


def equalize_table(counts):
    """int32 [256] -> int32 [256]. Few pixels outside the highest level: the identity."""
    levels = ops.arange(256, dtype="int32")
    highest = ops.max(ops.where(counts > 0, levels, 0))
    step = (ops.sum(counts) - ops.take(counts, highest)) // 255
    before = ops.cumsum(counts) - counts
    table = ops.minimum((step // 2 + before) // ops.maximum(step, 1), 255)
    return ops.where(step > 0, table, levels)


def _for_each(drawn, change_one, value):
    """change_one(place, value) -> value, for each place at which `drawn`, bool [B], is true."""
    order = ops.argsort(ops.where(drawn, 0, 1))
    count = ops.sum(ops.cast(drawn, "int32"))

    def body(done, value):
        return done + 1, change_one(ops.take(order, done), value)

    start = ops.convert_to_tensor(0, "int32")
    return ops.while_loop(lambda done, _: done < count, body, (start, value))[1]


def _image(packed, place):
    # Not ops.slice: for each start TensorFlow would have XLA compile anew.
    return ops.take(packed, place, axis=0)[None]
