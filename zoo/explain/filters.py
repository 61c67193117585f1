"""Kernels to look at: those of a first layer, and those that lectures write by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.explain.graph import Graph
from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
else:
    keras = lazy_module("keras")
    np = lazy_module("numpy")
    tf = lazy_module("tensorflow")

# Name -> rows. Edges by direction are named by the line that they find: a horizontal edge is dark
# above bright, or the reverse with the opposite sign.
KERNELS: dict[str, tuple[tuple[float, ...], ...]] = {
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "horizontal_edges": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    "vertical_edges": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    "rising_edges": ((-1, -1, 0), (-1, 0, 1), (0, 1, 1)),
    "falling_edges": ((0, -1, -1), (1, 0, -1), (1, 1, 0)),
    "sobel_horizontal": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "sobel_vertical": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "laplace": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "mean": ((1 / 9,) * 3,) * 3,
    "gauss": ((1 / 16, 2 / 16, 1 / 16), (2 / 16, 4 / 16, 2 / 16), (1 / 16, 2 / 16, 1 / 16)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "emboss": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
}
PADDINGS = ("same", "valid")
_MOST = 64  # rows or columns of a kernel


def first_layer_filters(model: keras.Model) -> np.ndarray:
    """float32 [kernel height, kernel width, channels, filters] of the first layer with a kernel.

    Of a dense layer that sees the images' pixels each unit is a filter of the images' size.

    Raises:
      ValueError: a model without such a layer.
    """
    graph = Graph(model)
    for call in graph.calls:
        kernel = getattr(call.operation, "kernel", None)
        if kernel is None:
            continue
        values = np.asarray(keras.ops.convert_to_numpy(kernel), "float32")
        if values.ndim == 4:
            return values
        if values.ndim == 2 and None not in graph.image_shape and (
            len(values) == np.prod(graph.image_shape)
        ):
            return values.reshape(*graph.image_shape, values.shape[1])
        break
    raise ValueError(f"got model {graph.name!r}, whose first layer with weights sees no image; "
                     "expected a convolution or a dense layer on the pixels")


def read_kernel(text: str) -> np.ndarray:
    """float32 [h, w] of a name of `KERNELS`, or of numbers: "-1,0,1;-1,0,1;-1,0,1", rows split by
    semicolons.

    Raises:
      ValueError: an unknown name, a text that is no numbers, rows of several lengths.
    """
    if text in KERNELS:
        return np.array(KERNELS[text], "float32")
    try:
        rows = [[float(number) for number in row.split(",")] for row in text.split(";")]
    except ValueError:
        raise ValueError(f"got the kernel {text!r}; expected one of {', '.join(KERNELS)}, or "
                         "numbers such as '-1,0,1;-1,0,1;-1,0,1'") from None
    if len({len(row) for row in rows}) != 1 or max(len(rows), len(rows[0])) > _MOST:
        raise ValueError(f"got the kernel {text!r}; expected rows of one length, of 1 to {_MOST} "
                         "numbers")
    kernel = np.array(rows, "float32")
    if not np.isfinite(kernel).all():
        raise ValueError(f"got the kernel {text!r}; expected finite numbers")
    return kernel


def filter_lesson(
    image: np.ndarray, kernel: str | Sequence[Sequence[float]] | np.ndarray, *,
    padding: str = "same", stride: int = 1,
) -> np.ndarray:
    """float32 [h, w, C]: what a convolution with this kernel makes of each channel of an image.

    As in a network, the kernel is not turned round: each result is the sum of the products of the
    kernel with the window of the image under it.

    image: [H, W] or [H, W, C]. kernel: a name of `KERNELS`, numbers in a text (`read_kernel`), or
        [kh, kw]. padding: "same" puts (kernel - 1) / 2 zeros on each side, of an even kernel's
        the larger half below and on the right; "valid" none. Every `stride`-th window is taken.

    Raises:
      ValueError: another shape, padding or stride; a kernel larger than the padded image.
    """
    kernel = read_kernel(kernel) if isinstance(kernel, str) else np.asarray(kernel, "float32")
    image = np.asarray(image, "float32")
    image = image[..., None] if image.ndim == 2 else image
    if kernel.ndim != 2 or image.ndim != 3 or not kernel.size or not image.size:
        raise ValueError(f"got an image of shape {image.shape} and a kernel of shape "
                         f"{kernel.shape}; expected [H, W] or [H, W, C], and [h, w]")
    if padding not in PADDINGS or stride < 1:
        raise ValueError(f"got padding={padding!r}, stride={stride}; expected one of "
                         f"{list(PADDINGS)}, and 1 or more")
    zeros = [(0, 0)] * 3
    if padding == "same":
        zeros[:2] = [((side - 1) // 2, side // 2) for side in kernel.shape]
    image = np.pad(image, zeros)
    if any(side < own for side, own in zip(image.shape, kernel.shape, strict=False)):
        raise ValueError(f"got an image of {image.shape[:2]} and a kernel of {kernel.shape}; "
                         "expected a kernel that is no larger")
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape, axis=(0, 1))
    return np.einsum("ijcuv,uv->ijc", windows[::stride, ::stride], kernel).astype("float32")
