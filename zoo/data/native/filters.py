"""The filters of resampling: the weights of the pixels that an output pixel is made of."""

from __future__ import annotations

import math

import numpy as np

from zoo.data.native.op import compiled

BILINEAR, BICUBIC, AREA, BILINEAR_ALIASED, BICUBIC_ALIASED = range(5)
FILTERS = {
    "bilinear": BILINEAR, "bicubic": BICUBIC, "area": AREA, "bilinear_aliased": BILINEAR_ALIASED,
    "bicubic_aliased": BICUBIC_ALIASED,
}


@compiled
def axis_weights(
    start: float, extent: float, length: int, size: int, method: int
) -> tuple[int, int, np.ndarray, np.ndarray]:
    """What `size` output pixels are made of that show `extent` of an axis from `start` on.

    Pixel p covers [p, p+1). Pixels that are not in the window at all have no part in the output, as
    if the window had been cut out before; the weights of the others add up to 1.

    Args:
      start, extent: the window, in pixels, within 0..length; extent > 0.
      length: pixels of the whole axis.
      method: one of the constants above.

    Returns:
      first, count: the window's pixels are first <= p < first + count.
      starts: int32 [S], counted from `first`; weights: float32 [S,K]. Output pixel i is the sum
        over k of weights[i, k] * pixel[first + starts[i] + k]; starts[i] + K <= count.
    """
    first = int(math.floor(start))
    count = min(int(math.ceil(start + extent)), length) - first
    scale = extent / size
    is_cubic = method == BICUBIC or method == BICUBIC_ALIASED
    # The kernel widens with the shrinking, or is as wide as the distance of pixels.
    width = max(scale, 1.0) if method == BILINEAR or method == BICUBIC else 1.0
    # Half of what the kernel covers.
    radius = scale / 2 if method == AREA else (2.0 if is_cubic else 1.0) * width
    # An area covers parts of pixels; the others take the pixels whose centres they cover, and are 0
    # at their ends.
    taps = int(math.ceil(scale)) + 1 if method == AREA else int(math.ceil(2 * radius))
    taps = min(taps, count)

    starts = np.empty(size, np.int32)
    weights = np.empty((size, taps), np.float32)
    for i in range(size):
        center = start + (i + 0.5) * scale
        leftmost = int(math.floor(center - radius + (0.0 if method == AREA else 0.5)))
        leftmost = min(max(leftmost, first), first + count - taps)
        starts[i] = leftmost - first
        total = 0.0
        for k in range(taps):
            pixel = leftmost + k
            if method == AREA:
                right = min(center + radius, pixel + 1.0)
                weight = max(right - max(center - radius, float(pixel)), 0.0)
            else:
                weight = _kernel(abs(pixel + 0.5 - center) / width, is_cubic)
            weights[i, k] = weight
            total += weight
        for k in range(taps):  # not `weights[i] /= total`, which takes two seconds to compile
            weights[i, k] /= total
    return first, count, starts, weights


@compiled
def _kernel(distance: float, is_cubic: bool) -> float:
    if not is_cubic:
        return max(1.0 - distance, 0.0)
    # Keys (1981), a = -0.5, as PIL's.
    if distance < 1:
        return (1.5 * distance - 2.5) * distance * distance + 1
    if distance < 2:
        return ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
    return 0.0
