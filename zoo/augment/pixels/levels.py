"""Whole levels, packed: the channels of a pixel in one int32, 8 bits each.

A gather then fetches all channels of a pixel at once, and arithmetic runs over contiguous planes: a
round of RandAugment takes a third of its time on float32 [B, S, S, 3].
"""

from __future__ import annotations

from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


def pack(images):
    """float32 [B, S, S, C] in 0..255, C up to 3 -> int32 [B, S, S], rounded to levels."""
    weights = ops.convert_to_tensor([256**channel for channel in range(images.shape[-1])], "int32")
    return ops.sum(ops.cast(ops.floor(images + 0.5), "int32") * weights, axis=-1)


def unpack(packed, channels: int):
    """int32 [B, S, S] -> float32 [B, S, S, C]."""
    shifts = ops.convert_to_tensor([8 * channel for channel in range(channels)], "int32")
    levels = ops.bitwise_and(ops.right_shift(packed[..., None], shifts), 255)
    return ops.cast(levels, "float32")


def planes(packed, channels: int) -> list:
    """int32 [B, S, S] -> C of them, in 0..255."""
    return [
        ops.bitwise_and(ops.right_shift(packed, 8 * channel), 255) for channel in range(channels)
    ]


def pack_planes(levels: list):
    """C int32 [B, S, S] in 0..255 -> one."""
    return sum(plane * 256**channel for channel, plane in enumerate(levels))


def same_in_each(level, channels: int):
    """The packed pixel of `level` (a number or int32 of any shape) in each channel."""
    return level * sum(256**channel for channel in range(channels))


def column(values):
    """[B] -> [B, 1, 1], to go with [B, S, S]."""
    return ops.reshape(values, (-1, 1, 1))
