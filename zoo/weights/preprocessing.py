"""From pictures to what a trained network was evaluated on: resized, cropped, normalised.

The steps are those of the libraries that publish the accuracies: the short side is resized, the
middle is cut out, then (levels - mean) / std. Channels are RGB and all units are levels of 0..255.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from zoo.data.methods import METHODS
from zoo.lazy import lazy_module
from zoo.weights.pictures import as_arrays

np = lazy_module("numpy")
Image = lazy_module("PIL.Image")

# Pillow's names of the methods that it has: its filters widen with the scale (antialiasing).
_OF_PILLOW = {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "area": "BOX"}


# Pixels: more than anybody trains with; one image of it takes 800 MB.
LARGEST = 8192


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How images become the input of a network.

    image_size: side of the square that the network sees, pixels, 1 to `LARGEST`.
    eval_resize: the short side before the centre crop, pixels, image_size to `LARGEST`.
    resizing: one of `zoo.data.methods.METHODS`.
    mean, std: a number a channel (three: RGB; one: grey), in levels of 0..255.

    Raises:
      ValueError: a field outside of its range.
      TypeError: a field of another type.
    """

    image_size: int
    eval_resize: int
    resizing: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.image_size <= LARGEST:
            raise ValueError(
                f"got image_size={self.image_size!r}; expected a size of 1 to {LARGEST}"
            )
        if not self.image_size <= self.eval_resize <= LARGEST:
            raise ValueError(
                f"got eval_resize={self.eval_resize!r}; expected a size of "
                f"image_size={self.image_size} to {LARGEST}"
            )
        if self.resizing not in METHODS:
            raise ValueError(f"got resizing={self.resizing!r}; expected one of {list(METHODS)}")
        if len(self.mean) not in (1, 3) or len(self.mean) != len(self.std):
            raise ValueError(
                f"got mean={self.mean!r}, std={self.std!r}; expected 1 or 3 numbers in each"
            )
        if not all(0 <= level <= 255 for level in self.mean) or min(self.std) <= 0:
            raise ValueError(
                f"got mean={self.mean!r}, std={self.std!r}; expected means in 0..255 and "
                "deviations over 0"
            )

    def for_input(self, input_shape: tuple[int, int, int]) -> Preprocessing | None:
        """For a model of another input size or number of channels.

        The short side grows with the size, rounded down; grey images have the mean of the three
        colours, since the first layer's kernels are added up. None where the images of the model
        are no squares, or have another number of channels than 1 or 3.
        """
        height, width, channels = input_shape
        if height != width or channels not in (1, 3):
            return None
        mean, std = self.mean, self.std
        if channels != len(mean):
            mean, std = ((sum(values) / len(values),) * channels for values in (mean, std))
        resize = self.eval_resize * height // self.image_size
        return dataclasses.replace(
            self, image_size=height, eval_resize=resize, mean=mean, std=std
        )


def preprocess_input(
    images: np.ndarray | Sequence[np.ndarray], preprocessing: Preprocessing, *, resize: bool = True
) -> np.ndarray:
    """Pictures -> float32 [B, S, S, C], a network's input; S is `preprocessing.image_size`.

    images: one picture [H, W] or [H, W, C], a batch [B, H, W, C], or a list of pictures of any
        sizes; uint8, or float in levels of 0..255, which resizing rounds to whole levels. C is
        3 (RGB) or 1; a grey picture is repeated to three channels where the network has three.
        PIL images are converted by their mode, without their transparency.
    resize: False leaves out resizing and cropping: [B, H, W, C] for pictures of one size.

    Raises:
      ValueError: another shape, number of channels or type; values outside of 0..255; float
        pictures that are not black and nowhere over 1, so very likely scaled to 0..1.
    """
    pictures = as_arrays(images)
    _check_levels(pictures)
    channels = len(preprocessing.mean)
    pictures = [_with_channels(picture, channels) for picture in pictures]
    if resize:
        pictures = [_resized_and_cropped(picture, preprocessing) for picture in pictures]
    if len({picture.shape for picture in pictures}) > 1:
        sizes = sorted({picture.shape[:2] for picture in pictures})
        raise ValueError(f"got resize=False and pictures of sizes {sizes}; expected one size")
    levels = np.stack(pictures).astype("float32")
    return (levels - np.float32(preprocessing.mean)) / np.float32(preprocessing.std)


def _check_levels(pictures: list[np.ndarray]) -> None:
    floats = [picture for picture in pictures if picture.dtype != np.uint8]
    if not floats:
        return
    low = min(float(picture.min()) for picture in floats)
    high = max(float(picture.max()) for picture in floats)
    # The first comparison is False for NaN too, which min() and max() hand on.
    if not all(0 <= picture.min() and picture.max() <= 255 for picture in floats):
        raise ValueError(f"got values from {low:g} to {high:g}; expected levels of 0..255")
    if 0 < high <= 1:  # black is black on both scales
        raise ValueError(
            f"got float pictures whose largest value is {high:g}, as if scaled to 0..1; expected "
            "levels of 0..255 (multiply by 255, or pass uint8)"
        )


def _with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    if picture.shape[2] == channels:
        return picture
    if channels == 1:
        raise ValueError("got a picture of 3 channels; expected 1, as the network has")
    return np.repeat(picture, 3, axis=2)


def _resized_and_cropped(picture: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """uint8 [S, S, C]; the roundings are those of torchvision's transforms, which timm uses."""
    if picture.dtype != np.uint8:
        picture = np.rint(picture).astype("uint8")
    size, short_side = preprocessing.image_size, preprocessing.eval_resize
    height, width, channels = picture.shape
    scaled = (
        short_side if width <= height else int(short_side * width / height),
        short_side if height <= width else int(short_side * height / width),
    )
    left, top = (round((side - size) / 2) for side in scaled)
    method = preprocessing.resizing
    if method == "area" and (scaled[0] > width or scaled[1] > height):
        method = "bilinear"  # see zoo/data/methods.py
    if method in _OF_PILLOW:
        image = Image.fromarray(picture[:, :, 0] if channels == 1 else picture)
        resized = np.asarray(image.resize(scaled, Image.Resampling[_OF_PILLOW[method]]))
        return resized[top : top + size, left : left + size].reshape(size, size, channels)
    cubic = method.startswith("bicubic")
    rows = _nearest_pixels(height, scaled[1], cubic)[top : top + size]
    columns = _nearest_pixels(width, scaled[0], cubic)[left : left + size]
    resized = np.einsum("yh,hwc,xw->yxc", rows, picture.astype("float32"), columns, optimize=True)
    return np.clip(np.floor(resized + 0.5), 0, 255).astype("uint8")


def _nearest_pixels(before: int, after: int, cubic: bool) -> np.ndarray:
    """float32 [after, before]: the weights of one axis for resizing without antialiasing.

    Each output pixel is made of the 2 nearest pixels, or with Keys' kernel (1981, a = -0.5) of the
    4 nearest; weights of pixels outside of the image are given to the others.
    """
    centres = (np.arange(after) + 0.5) * before / after
    distance = np.abs(np.arange(before) + 0.5 - centres[:, None])
    weights = np.maximum(1 - distance, 0)
    if cubic:
        near = (1.5 * distance - 2.5) * distance**2 + 1
        far = ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
        weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    return (weights / weights.sum(1, keepdims=True)).astype("float32")
