"""Where a random window of an image is, and what of a JPEG to decode for it: TensorFlow ops.

Fifty of TensorFlow's own ops otherwise, which take a microsecond or two each.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import tensorflow as tf

from zoo.data.native import c_api
from zoo.data.native.op import (
    allocate_output,
    c_string,
    compiled,
    finish,
    kernel,
    register_op,
    take_inputs,
)

_BAD_SHAPES = c_string("random_resized_window: expected size [2], draws [N,4], bounds [4]")
_BAD_WINDOW = c_string("jpeg_part: expected a window of 4 numbers")
_BLOCK = 16  # pixels that a JPEG's decoder makes at once, in a row
_MOST_HALVINGS = 3


def random_resized_window(
    size: tf.Tensor, draws: tf.Tensor, area: tuple[float, float], ratio: tuple[float, float]
) -> tf.Tensor:
    """The first attempt at an area and a ratio that fits into the image, at a random place.

    If none fits it is the largest centred window whose ratio is allowed.

    Args:
      size: int32 [2], height and width of the image, >= 1.
      draws: float32 [N,4], uniform in [0, 1): what each attempt is made of.
      area: the window's part of the image's area, 0 < low <= high <= 1, drawn uniformly.
      ratio: width / height, 0 < low <= high, drawn log-uniformly.

    Returns:
      int32 [4]: top, left, height, width; inside of the image.
    """
    [window] = _random_resized_window(size, draws, tf.constant([*area, *ratio], tf.float32))
    window.set_shape([4])
    return window


def jpeg_part(window: tf.Tensor, least: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """What of a JPEG to decode to see a window, and how much smaller.

    From the block on in which the window begins: the decoder starts there anyway, and would move
    each row to cut off what comes before.

    Args:
      window: int32 [4]: top, left, height, width.
      least: pixels that the window's sides keep when it is decoded at a half, a quarter or an
        eighth of its size; 0: at its full size.

    Returns:
      The part, int32 [4], in pixels of the smaller image; the window within the part, float32 [4];
      how often the size is halved, int32 scalar, 0..3.
    """
    part, box, halvings = _jpeg_part(window, tf.constant(least))
    halvings.set_shape([])
    return part, box, halvings


@compiled
def _first_that_fits(
    height: int, width: int, draws: np.ndarray, bounds: np.ndarray, window: np.ndarray
) -> None:
    lowest, highest, narrowest, widest = bounds
    for attempt in range(len(draws)):
        area = height * width * (lowest + draws[attempt, 0] * (highest - lowest))
        ratio = narrowest * (widest / narrowest) ** draws[attempt, 1]
        rows = int(math.floor(math.sqrt(area / ratio) + 0.5))
        columns = int(math.floor(math.sqrt(area * ratio) + 0.5))
        if 0 < rows <= height and 0 < columns <= width:
            # Each corner that leaves room for it is as likely.
            window[0] = int(draws[attempt, 2] * (height - rows + 1))
            window[1] = int(draws[attempt, 3] * (width - columns + 1))
            window[2], window[3] = rows, columns
            return
    rows = max(int(math.floor(min(float(height), width / narrowest) + 0.5)), 1)
    columns = max(int(math.floor(min(float(width), height * widest) + 0.5)), 1)
    window[0], window[1] = (height - rows) // 2, (width - columns) // 2
    window[2], window[3] = rows, columns


@compiled
def _run_window(context: int, inputs: np.ndarray, status: int) -> None:
    count = c_api.count(inputs[1])
    if c_api.count(inputs[0]) != 2 or count % 4 or c_api.count(inputs[2]) != 4:
        c_api.set_status(status, c_api.INVALID_ARGUMENT, _BAD_SHAPES.ctypes.data)
        return
    shape = np.full(1, 4)
    output = allocate_output(context, 0, c_api.INT32, 4, shape, status)
    if not c_api.get_code(status):
        size = numba.carray(c_api.data(inputs[0]), (2,), np.int32)
        # In float64, as the draws of float32 times the room are below it, and stay so.
        draws = numba.carray(c_api.data(inputs[1]), (count // 4, 4), np.float32).astype(np.float64)
        bounds = numba.carray(c_api.data(inputs[2]), (4,), np.float32).astype(np.float64)
        window = numba.carray(c_api.data(output), (4,), np.int32)
        _first_that_fits(size[0], size[1], draws, bounds, window)
        c_api.delete_tensor(output)


@compiled
def _run_part(context: int, inputs: np.ndarray, status: int) -> None:
    if c_api.count(inputs[0]) != 4:
        c_api.set_status(status, c_api.INVALID_ARGUMENT, _BAD_WINDOW.ctypes.data)
        return
    top, left, height, width = numba.carray(c_api.data(inputs[0]), (4,), np.int32)
    least = numba.carray(c_api.data(inputs[1]), (1,), np.int32)[0]
    halvings = 0
    while 0 < least << (halvings + 1) <= min(height, width) and halvings < _MOST_HALVINGS:
        halvings += 1
    by = 1 << halvings
    first_row, first_column = top // by, left // (by * _BLOCK) * _BLOCK

    four, scalar = np.full(1, 4), np.empty(0, np.int64)
    part = allocate_output(context, 0, c_api.INT32, 4, four, status)
    if not c_api.get_code(status):
        numbers = numba.carray(c_api.data(part), (4,), np.int32)
        numbers[0], numbers[1] = first_row, first_column
        numbers[2] = (top + height + by - 1) // by - first_row
        numbers[3] = (left + width + by - 1) // by - first_column
        c_api.delete_tensor(part)
    box = allocate_output(context, 1, c_api.FLOAT32, 4, four, status)
    if not c_api.get_code(status):
        places = numba.carray(c_api.data(box), (4,), np.float32)
        places[0], places[1] = top / by - first_row, left / by - first_column
        places[2], places[3] = height / by, width / by
        c_api.delete_tensor(box)
    count = allocate_output(context, 2, c_api.INT32, 4, scalar, status)
    if not c_api.get_code(status):
        numba.carray(c_api.data(count), (1,), np.int32)[0] = halvings
        c_api.delete_tensor(count)


@kernel
def _compute_window(_: int, context: int) -> None:
    status = c_api.new_status()
    inputs = take_inputs(context, 3, status)
    _run_window(context, inputs, status)
    finish(context, inputs, status)


@kernel
def _compute_part(_: int, context: int) -> None:
    status = c_api.new_status()
    inputs = take_inputs(context, 2, status)
    _run_part(context, inputs, status)
    finish(context, inputs, status)


_random_resized_window = register_op(
    "ZooRandomResizedWindow", ["size: int32", "draws: float32", "bounds: float32"],
    ["window: int32"], _compute_window,
)
_jpeg_part = register_op(
    "ZooJpegPart", ["window: int32", "least: int32"],
    ["part: int32", "box: float32", "halvings: int32"], _compute_part,
)
