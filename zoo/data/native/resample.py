"""Part of an image -> uint8, in one pass over it: a TensorFlow op for the host."""

from __future__ import annotations

import numba
import numpy as np
import tensorflow as tf

from zoo.data.native import c_api
from zoo.data.native.filters import AREA, BILINEAR_ALIASED, FILTERS, axis_weights
from zoo.data.native.op import (
    allocate_output,
    c_string,
    compiled,
    finish,
    kernel,
    register_op,
    take_inputs,
)
from zoo.data.native.row import resample_rgb_row

_BAD_SHAPES = c_string("resample: expected images [...,H,W,C] and a box of 4 numbers")
_BAD_BOX = c_string("resample: the box is not within the images, or empty; expected top >= 0, "
                    "left >= 0, top + height <= H, left + width <= W")


def resample(images: tf.Tensor, box: tf.Tensor, image_size: int, method: str) -> tf.Tensor:
    """Cuts a window out of each image and resizes it.

    Args:
      images: uint8 [...,H,W,C].
      box: float32 [4], the window: top, left, height, width in pixels, within the image; the sizes
        above 0. Pixels outside have no part in the result; for `area`, pixels that are in it in
        part have that part, for the other methods all of them.
      image_size: S, pixels.
      method: a name in `FILTERS`.

    Returns:
      uint8 [...,S,S,C], halves rounded up.

    Raises:
      tf.errors.InvalidArgumentError: the window is not within the images.
    """
    [resized] = _resample(images, box, tf.constant([image_size, FILTERS[method]]))
    resized.set_shape([*images.shape[:-3], image_size, image_size, images.shape[-1]])
    return resized


@compiled
def _resample_image(
    image: np.ndarray, channels: int, box: np.ndarray, method: int, out: np.ndarray
) -> None:
    """uint8 [H,W*C] -> uint8 [S,S*C]; the arguments have been checked."""
    size = out.shape[0]
    if method == AREA and min(box[2], box[3]) < size:
        method = BILINEAR_ALIASED
    height, width = image.shape[0], image.shape[1] // channels
    top, _, row_starts, row_weights = axis_weights(box[0], box[2], height, size, method)
    left, columns, starts, weights = axis_weights(box[1], box[3], width, size, method)
    window = image[:, left * channels : (left + columns) * channels]
    # One number more: see resample_rgb_row.
    row = np.zeros(columns * channels + 1, np.float32)
    line = np.empty(size * channels + 1, np.float32)
    for y in range(size):
        _mean_of_rows(window, top + row_starts[y], row_weights[y], row)
        if channels == 3:
            resample_rgb_row(row, starts, weights, line)
        else:
            _resample_row(row, channels, starts, weights, line)
        _to_uint8(line, out[y])


@compiled
def _mean_of_rows(rows: np.ndarray, first: int, weights: np.ndarray, out: np.ndarray) -> None:
    width = rows.shape[1]
    above = rows[first]
    if len(weights) == 1:
        for x in range(width):
            out[x] = weights[0] * np.float32(above[x])
        return
    below = rows[first + 1]
    for x in range(width):
        out[x] = weights[0] * np.float32(above[x]) + weights[1] * np.float32(below[x])
    for k in range(2, len(weights)):
        below = rows[first + k]
        for x in range(width):
            out[x] += weights[k] * np.float32(below[x])


@compiled
def _resample_row(
    row: np.ndarray, channels: int, starts: np.ndarray, weights: np.ndarray, out: np.ndarray
) -> None:
    """As `resample_rgb_row`, of any number of channels."""
    for x in range(len(starts)):
        for channel in range(channels):
            total = np.float32(0.5)
            for k in range(weights.shape[1]):
                total += weights[x, k] * row[(starts[x] + k) * channels + channel]
            out[x * channels + channel] = total


@compiled
def _to_uint8(line: np.ndarray, out: np.ndarray) -> None:
    for x in range(len(out)):
        # A cubic kernel leaves 0..255.
        out[x] = np.uint8(np.int32(min(max(line[x], np.float32(0)), np.float32(255))))


@compiled
def _resample_images(context: int, inputs: np.ndarray, status: int) -> None:
    rank = c_api.rank(inputs[0])
    if rank < 3 or c_api.count(inputs[1]) != 4 or c_api.count(inputs[2]) != 2:
        c_api.set_status(status, c_api.INVALID_ARGUMENT, _BAD_SHAPES.ctypes.data)
        return
    shape = np.empty(rank, np.int64)
    number = 1  # of images
    for axis in range(rank):
        shape[axis] = c_api.dimension(inputs[0], axis)
        number *= shape[axis] if axis < rank - 3 else 1
    height, width, channels = shape[-3], shape[-2], shape[-1]
    box = numba.carray(c_api.data(inputs[1]), (4,), np.float32).astype(np.float64)
    if not (
        box[0] >= 0 and box[1] >= 0 and box[2] > 0 and box[3] > 0
        and box[0] + box[2] <= height and box[1] + box[3] <= width
    ):  # so that a NaN does not pass, either
        c_api.set_status(status, c_api.INVALID_ARGUMENT, _BAD_BOX.ctypes.data)
        return
    size, method = numba.carray(c_api.data(inputs[2]), (2,), np.int32)

    shape[-3:-1] = size
    resized = allocate_output(context, 0, c_api.UINT8, 1, shape, status)
    if not c_api.get_code(status):
        before = numba.carray(c_api.data(inputs[0]), (number, height, width * channels), np.uint8)
        after = numba.carray(c_api.data(resized), (number, size, size * channels), np.uint8)
        for n in range(number):
            _resample_image(before[n], channels, box, method, after[n])
        c_api.delete_tensor(resized)


@kernel
def _compute_resampled(_: int, context: int) -> None:
    status = c_api.new_status()
    inputs = take_inputs(context, 3, status)
    _resample_images(context, inputs, status)
    finish(context, inputs, status)


_resample = register_op(
    "ZooResample", ["images: uint8", "box: float32", "size_and_method: int32"], ["resized: uint8"],
    _compute_resampled,
)
