"""The window of torchvision's RandomResizedCrop: a TensorFlow op.

Of TensorFlow's own ops it takes thirty, and they a fourteenth of the pipeline's time.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import tensorflow as tf

from zoo.data.native import c_api
from zoo.data.native.op import c_string, compiled, register_op

_BAD_SHAPES = c_string("random_resized_window: expected size [2], draws [N,4], bounds [4]")


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
    window = _random_resized_window(size, draws, tf.constant([*area, *ratio], tf.float32))
    window.set_shape([4])
    return window


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
def _run(context: int, inputs: np.ndarray, status: int) -> None:
    count = c_api.count(inputs[1])
    if c_api.count(inputs[0]) != 2 or count % 4 or c_api.count(inputs[2]) != 4:
        c_api.set_status(status, c_api.INVALID_ARGUMENT, _BAD_SHAPES.ctypes.data)
        return
    shape = np.full(1, 4)
    output = c_api.allocate_output(context, 0, c_api.INT32, shape.ctypes.data, 1, 16, status)
    if not c_api.get_code(status):
        size = numba.carray(c_api.int32_data(inputs[0]), (2,))
        # In float64, as the draws of float32 times the room are below it, and stay so.
        draws = numba.carray(c_api.float32_data(inputs[1]), (count // 4, 4)).astype(np.float64)
        bounds = numba.carray(c_api.float32_data(inputs[2]), (4,)).astype(np.float64)
        window = numba.carray(c_api.int32_data(output), shape[0])
        _first_that_fits(size[0], size[1], draws, bounds, window)
        c_api.delete_tensor(output)


_random_resized_window = register_op(
    "ZooRandomResizedWindow", ["size: int32", "draws: float32", "bounds: float32"],
    "window: int32", _run,
)
