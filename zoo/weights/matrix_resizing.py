"""The centre crop of a resized picture, as zoo/weights/resizing.py, by products of matrices.

Any backend of Keras can compile them, as JAX in jit, where height and width are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.lazy import lazy_module
from zoo.weights.resizing import is_of_pillow, rows_first, weights_of

if TYPE_CHECKING:
    import keras
else:
    keras = lazy_module("keras")


def resize_and_crop(
    images: keras.KerasTensor, size: tuple[int, int], resized: tuple[int, int], method: str
) -> keras.KerasTensor:
    """As `zoo.weights.resizing.resize_and_crop`, within a level of it.

    images: uint8 or float [B, H, W, C], in levels of 0..255, which are rounded to whole ones.

    Returns float32 [B, *size, C] of whole levels.

    Raises:
      ValueError: an unknown height or width.
    """
    height, width = images.shape[1:3]
    if height is None or width is None:
        raise ValueError(
            f"got pictures of shape {tuple(images.shape)}; expected a known height and width, as "
            "the matrices that resize them have: pass NumPy arrays, or resize=False"
        )
    ops = keras.ops
    (top, rows), (left, columns) = weights_of(height, width, size, resized, method)
    seen = images[:, top : top + rows.shape[1], left : left + columns.shape[1]]
    seen = ops.clip(ops.round(ops.cast(seen, "float32")), 0, 255)
    rows, columns = (ops.convert_to_tensor(x.astype("float32")) for x in (rows, columns))

    def whole(levels: keras.KerasTensor) -> keras.KerasTensor:
        return ops.clip(ops.floor(levels + 0.5), 0, 255)

    passes = [("xw,bhwc->bhxc", columns), ("yh,bhwc->bywc", rows)]
    if rows_first(height, width, size, resized):
        passes.reverse()
    for letters, weights in passes:
        seen = ops.einsum(letters, weights, seen)
        if is_of_pillow(method):  # whole levels in between, and its order
            seen = whole(seen)
    return whole(seen)
