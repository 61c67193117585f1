"""From pictures to what a pretrained network was evaluated on: resized, cropped, normalised.

The steps are those of the libraries that publish the accuracies: the short side is resized by
Pillow, whose filters widen with the scale (antialiasing), the middle is cut out, then
(levels - mean) / std. Channels are RGB and all units are levels of 0..255.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from zoo.lazy import lazy_module

np = lazy_module("numpy")
Image = lazy_module("PIL.Image")

# Pillow's names of them.
INTERPOLATIONS = {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "area": "BOX"}


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How images become the input of a network.

    input_size: side of the square that the network was evaluated on, in pixels.
    crop_pct: what the crop leaves of the resized image's short side, in (0, 1]; the short side
        becomes floor(input_size / crop_pct) pixels.
    interpolation: "bilinear", "bicubic" or "area".
    mean, std: a number a channel (three: RGB; one: grey), in levels of 0..255.

    Raises:
      ValueError: a field outside of its range.
    """

    input_size: int
    crop_pct: float
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.input_size < 1:
            raise ValueError(f"got input_size={self.input_size!r}; expected a size of at least 1")
        if not 0 < self.crop_pct <= 1:
            raise ValueError(f"got crop_pct={self.crop_pct!r}; expected a number in (0, 1]")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"got interpolation={self.interpolation!r}; expected one of {list(INTERPOLATIONS)}"
            )
        if len(self.mean) not in (1, 3) or len(self.mean) != len(self.std):
            raise ValueError(
                f"got mean={self.mean!r}, std={self.std!r}; expected 1 or 3 numbers in each"
            )
        if not all(0 <= level <= 255 for level in self.mean) or min(self.std) <= 0:
            raise ValueError(
                f"got mean={self.mean!r}, std={self.std!r}; expected means in 0..255 and "
                "deviations over 0"
            )

    @property
    def resize_size(self) -> int:
        """The short side after resizing, in pixels."""
        return math.floor(self.input_size / self.crop_pct)


def preprocess_input(
    images: np.ndarray | Sequence[np.ndarray], preprocessing: Preprocessing, *, resize: bool = True
) -> np.ndarray:
    """Pictures -> float32 [B, S, S, C], a network's input; S is `preprocessing.input_size`.

    images: one picture [H, W] or [H, W, C], a batch [B, H, W, C], or a list of pictures of any
        sizes; uint8, or float in levels of 0..255, which resizing rounds to whole levels. C is
        3 (RGB) or 1; a grey picture is repeated to three channels where the network has three.
    resize: False leaves out resizing and cropping: [B, H, W, C] for pictures of one size.

    Raises:
      ValueError: another shape, number of channels or type; values outside of 0..255; float
        pictures that are not black and nowhere over 1, so very likely scaled to 0..1.
    """
    pictures = _pictures(images)
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


def _pictures(images: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    """A list of [H, W, C]."""
    if isinstance(images, (list, tuple)):
        pictures = [np.asarray(image) for image in images]
    else:
        array = np.asarray(images)
        pictures = list(array) if array.ndim == 4 else [array]
    pictures = [picture[:, :, None] if picture.ndim == 2 else picture for picture in pictures]
    if not pictures:
        raise ValueError("got no pictures; expected at least one")
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[2] not in (1, 3) or 0 in picture.shape:
            raise ValueError(
                f"got a picture of shape {picture.shape}; expected [height, width, 3], "
                "[height, width, 1] or [height, width]"
            )
        if picture.dtype != np.uint8 and not np.issubdtype(picture.dtype, np.floating):
            raise ValueError(f"got pictures of type {picture.dtype}; expected uint8 or a float")
    return pictures


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
    size, short_side = preprocessing.input_size, preprocessing.resize_size
    height, width, channels = picture.shape
    scaled = (
        short_side if width <= height else int(short_side * width / height),
        short_side if height <= width else int(short_side * height / width),
    )
    image = Image.fromarray(picture[:, :, 0] if channels == 1 else picture)
    resampling = Image.Resampling[INTERPOLATIONS[preprocessing.interpolation]]
    left, top = (round((side - size) / 2) for side in scaled)
    resized = np.asarray(image.resize(scaled, resampling))
    return resized[top : top + size, left : left + size].reshape(size, size, channels)
