"""The centre crop of a resized picture, made of no more pixels than are seen in it."""

from __future__ import annotations

import math

from zoo.lazy import lazy_module

np = lazy_module("numpy")
Image = lazy_module("PIL.Image")

# Pillow's names of the methods that it has: its filters widen with the scale (antialiasing).
_OF_PILLOW = {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "area": "BOX"}
# Half the width of a filter, in pixels of the larger of both pictures.
_SUPPORTS = {"bilinear": 1.0, "bicubic": 2.0, "area": 0.5}
# Resized pictures of more pixels are panoramas: at 256 of the short side, 64 times as long.
_MOST_PIXELS = 2**22
_PILLOW_BITS = 22  # of a filter's weights behind the point


def resize_and_crop(
    picture: np.ndarray, size: tuple[int, int], resized: tuple[int, int], method: str
) -> np.ndarray:
    """Resizes until (height, width) `resized` is covered, of squares the short side, and cuts the
    centre out.

    The roundings are those of torchvision's transforms, which timm uses. Memory does not grow with
    the length of what is cut off: a picture of 1x60000 would be resized to 256x15360000.

    picture: uint8 [H, W, C]. size: (height, width), at most `resized`.
    method: one of `zoo.data.methods.METHODS`.

    Returns uint8 [*size, C].
    """
    height, width, channels = picture.shape
    if channels not in (1, 3):  # Pillow takes the last of four for transparency
        parts = np.split(picture, channels, axis=2)
        return np.concatenate([resize_and_crop(x, size, resized, method) for x in parts], axis=2)
    scaled, (left, top), method = _plan(height, width, size, resized, method)
    if is_of_pillow(method) and math.prod(scaled) <= _MOST_PIXELS:
        image = Image.fromarray(picture[:, :, 0] if channels == 1 else picture)
        whole = np.asarray(image.resize(scaled, Image.Resampling[_OF_PILLOW[method]]))
        return whole[top : top + size[0], left : left + size[1]].reshape(*size, channels)
    (first_row, rows), (first_column, columns) = weights_of(height, width, size, resized, method)
    seen = picture[
        first_row : first_row + rows.shape[1], first_column : first_column + columns.shape[1]
    ]
    if is_of_pillow(method):
        if rows_first(height, width, size, resized):
            turned = _resampled_as_pillow(seen.transpose(1, 0, 2), columns, rows)
            return turned.transpose(1, 0, 2)
        return _resampled_as_pillow(seen, rows, columns)
    seen, rows, columns = (x.astype("float32") for x in (seen, rows, columns))
    sums = np.einsum("yh,hwc,xw->yxc", rows, seen, columns, optimize=True)
    return np.clip(np.floor(sums + 0.5), 0, 255).astype("uint8")


def is_of_pillow(method: str) -> bool:
    """Whether Pillow has it: it resizes one axis, rounds to whole levels, and resizes the other."""
    return method in _OF_PILLOW


def rows_first(
    height: int, width: int, size: tuple[int, int], resized: tuple[int, int]
) -> bool:
    """Pillow's order: the height of a tall picture that shrinks comes first."""
    scaled, _, _ = _plan(height, width, size, resized, "bilinear")
    return height > 2 * width and scaled[1] < height


def weights_of(
    height: int, width: int, size: tuple[int, int], resized: tuple[int, int], method: str
) -> tuple[tuple[int, np.ndarray], tuple[int, np.ndarray]]:
    """Of the rows and of the columns: the first that is seen, and float64 [side of `size`, seen],
    the weights by which the pixels seen make up those of the crop."""
    scaled, (left, top), method = _plan(height, width, size, resized, method)
    return (
        _weights(height, scaled[1], top, size[0], method),
        _weights(width, scaled[0], left, size[1], method),
    )


def _plan(
    height: int, width: int, size: tuple[int, int], resized: tuple[int, int], method: str
) -> tuple[tuple[int, int], tuple[int, int], str]:
    """Width and height of the whole picture resized, left and top of the crop in it, the method."""
    high, wide = resized
    scaled = (
        wide if wide * height >= high * width else int(high * width / height),
        high if high * width >= wide * height else int(wide * height / width),
    )
    left, top = round((scaled[0] - size[1]) / 2), round((scaled[1] - size[0]) / 2)
    if method == "area" and (scaled[0] > width or scaled[1] > height):
        method = "bilinear"  # see zoo/data/methods.py
    return scaled, (left, top), method


def _weights(
    before: int, after: int, first: int, count: int, method: str
) -> tuple[int, np.ndarray]:
    """How one axis of `before` pixels is resized to `after`, of which `count` from `first` on stay.

    Returns the first pixel that has a part in it, and float64 [count, pixels]: the weights of the
    pixels from there on. Weights of pixels outside of the picture are given to the others.
    """
    scale = before / after
    filter_name = method.removesuffix("_aliased")
    stretch = 1.0 if method.endswith("_aliased") else max(scale, 1.0)
    support = _SUPPORTS[filter_name] * stretch
    centres = (first + np.arange(count) + 0.5) * scale
    # As Pillow cuts its filters off, so that a pixel on the edge is in or out as there.
    starts = np.maximum(np.trunc(centres - support + 0.5), 0)
    ends = np.minimum(np.trunc(centres + support + 0.5), before)
    pixels = np.arange(int(starts[0]), int(ends[-1]))
    inside = (pixels >= starts[:, None]) & (pixels < ends[:, None])
    distances = (pixels - centres[:, None] + 0.5) * (1.0 / stretch)
    weights = np.where(inside, _FILTERS[filter_name](distances), 0.0)
    return int(starts[0]), weights / weights.sum(axis=1, keepdims=True)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _keys_cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel of 1981, a = -0.5."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((x - 5) * x + 8) * x - 4
    return np.where(x < 1, near, np.where(x < 2, -0.5 * far, 0))


def _box(x: np.ndarray) -> np.ndarray:
    return ((x > -0.5) & (x <= 0.5)).astype("float64")


_FILTERS = {"bilinear": _triangle, "bicubic": _keys_cubic, "area": _box}


def _resampled_as_pillow(
    picture: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """uint8 [h, w, C] -> uint8 [y, x, C] by weights [y, h] and [x, w], to the bit as Pillow.

    It computes in whole numbers, first along the rows, with whole levels in between. Products and
    sums stay under 2**53, so that float64 has them exactly, at the speed of matrix products.
    """
    rows, columns = (np.trunc(np.copysign(0.5, x) + x * 2**_PILLOW_BITS) for x in (rows, columns))

    def whole_levels(sums: np.ndarray) -> np.ndarray:
        return np.clip(np.floor(sums / 2**_PILLOW_BITS + 0.5), 0, 255)

    levels = whole_levels(np.einsum("xw,hwc->hxc", columns, picture.astype("float64"),
                                    optimize=True))
    levels = whole_levels(np.einsum("yh,hxc->yxc", rows, levels, optimize=True))
    return levels.astype("uint8")
