"""From pictures to what a trained network was evaluated on: resized, cropped, normalised.

The steps are those of the libraries that publish the accuracies: the short side is resized, the
middle is cut out, then (levels - mean) / std. Channels are RGB and all units are levels of 0..255.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.data.bad_images import read_image
from zoo.data.methods import METHODS
from zoo.data.orientation import check_orientation
from zoo.lazy import lazy_module
from zoo.models.checks import plain
from zoo.weights.pictures import as_arrays
from zoo.weights.resizing import resize_and_crop

np = lazy_module("numpy")
Image = lazy_module("PIL.Image")
ImageOps = lazy_module("PIL.ImageOps")
tensors = lazy_module("zoo.weights.tensors")

if TYPE_CHECKING:
    import keras
    import PIL.Image


# Pixels: more than anybody trains with; one image of it takes 800 MB.
LARGEST = 8192


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How images become the input of a network.

    image_size: side of the square that the network sees, pixels, 1 to `LARGEST`.
    eval_resize: the short side before the centre crop, pixels, image_size to `LARGEST`.
    resizing: one of `zoo.data.methods.METHODS`.
    mean, std: a number a channel (three: RGB; one: grey; files have no others), in levels of
        0..255.
    orientation: which way up files of images are, one of `zoo.data.orientation.CHOICES`.

    Raises:
      ValueError: a field outside of its range.
      TypeError: a field of another type.
    """

    image_size: int
    eval_resize: int
    resizing: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    orientation: str = "exif"

    def __post_init__(self) -> None:
        for own in dataclasses.fields(self):
            object.__setattr__(self, own.name, plain(getattr(self, own.name)))
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
        check_orientation(self.orientation)
        if not self.mean or len(self.mean) != len(self.std):
            raise ValueError(
                f"got mean={self.mean!r}, std={self.std!r}; expected a number a channel in each"
            )
        in_range = all(0 <= level <= 255 for level in self.mean)
        if not in_range or not all(0 < level < math.inf for level in self.std):
            raise ValueError(
                f"got mean={self.mean!r}, std={self.std!r}; expected means in 0..255 and "
                "deviations over 0"
            )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what the network sees."""
        return self.image_size, self.image_size, len(self.mean)

    def for_input(self, input_shape: tuple[int, int, int]) -> Preprocessing | None:
        """For a model of another input size or number of channels.

        input_shape: height, width, channels; a side of None is as long as the other, or as here.

        The short side grows with the size, rounded down. None where the images of the model are no
        squares: `preprocess_input` takes their size.
        """
        height, width, channels = input_shape
        sides = {height, width} - {None} or {self.image_size}
        if len(sides) > 1:
            return None
        mean, std = self.levels_of(channels)
        (side,) = sides
        resize, _ = self.resized((side, side))
        return dataclasses.replace(self, image_size=side, eval_resize=resize, mean=mean, std=std)

    def resized(self, size: tuple[int, int]) -> tuple[int, int]:
        """What a picture covers before (height, width) pixels are cut out of its centre."""
        return tuple(self.eval_resize * side // self.image_size for side in size)

    def levels_of(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of each of `channels` channels.

        As the first layer's kernels are adapted to them: for grey images those of three colours
        are added up, and have the mean of the three; for others they are repeated.
        """
        if channels == len(self.mean):
            return self.mean, self.std
        if channels == 1:
            return tuple((sum(values) / len(values),) for values in (self.mean, self.std))
        return tuple(
            tuple(values[channel % len(values)] for channel in range(channels))
            for values in (self.mean, self.std)
        )


def preprocess_input(
    images: np.ndarray | PIL.Image.Image | bytes | Sequence | keras.KerasTensor,
    preprocessing: Preprocessing, *, resize: bool = True, size: tuple[int, int] | None = None,
) -> np.ndarray | keras.KerasTensor:
    """Pictures -> float32 [B, S, S, C], a network's input; S is `preprocessing.image_size`.

    images: one picture [H, W] or [H, W, C], a batch [B, H, W, C], a PIL image, the bytes of an
        image file, or a list of these, of any sizes; uint8, or float in levels of 0..255, which
        resizing rounds to whole levels. C is 3 (RGB), 1, or what the network has; a grey picture
        is repeated to three channels where the network has three. Bytes are decoded as in training
        and in a SavedModel, PIL images converted by their mode, without their transparency, and
        turned by the note of orientation that they still have. A tensor gives a tensor: see
        zoo/weights/tensors.py.
    resize: False leaves out resizing and cropping: [B, H, W, C] for pictures of one size.
    size: (height, width) of a network whose images are no squares. A picture then is resized, its
        sides in proportion, until it covers `preprocessing.resized(size)`.

    Raises:
      ValueError: bytes that cannot be decoded; another shape, number of channels or type; values
        outside of 0..255; float pictures that are not black and nowhere over 1, so very likely
        scaled to 0..1.
    """
    images = _decoded(images, preprocessing)
    size = size or (preprocessing.image_size,) * 2
    if tensors.is_symbolic(images):
        return tensors.preprocess(images, preprocessing, size if resize else None)
    channels = len(preprocessing.mean)
    pictures = as_arrays(images, channels)
    _check_levels(pictures)
    if tensors.is_tensor(images) and not resize:  # so that gradients find their way
        return tensors.preprocess(images, preprocessing, None)
    pictures = [_with_channels(picture, channels) for picture in pictures]
    if resize:
        pictures = [_resized_and_cropped(picture, preprocessing, size) for picture in pictures]
    if len({picture.shape for picture in pictures}) > 1:
        sizes = sorted({picture.shape[:2] for picture in pictures})
        raise ValueError(f"got resize=False and pictures of sizes {sizes}; expected one size")
    levels = np.stack(pictures).astype("float32")
    prepared = (levels - np.float32(preprocessing.mean)) / np.float32(preprocessing.std)
    return tensors.as_tensor(prepared, images) if tensors.is_tensor(images) else prepared


def _decoded(images: object, preprocessing: Preprocessing) -> object:
    """With the pictures of the files whose bytes are among `images`, and with the PIL images that
    came with a note of their orientation turned as those of the files are."""
    if isinstance(images, (list, tuple)):
        return [_decoded(image, preprocessing) for image in images]
    if isinstance(images, bytes):
        if len(preprocessing.mean) not in (1, 3):
            raise ValueError(f"got the bytes of a file for a network of {len(preprocessing.mean)} "
                             "channels; expected arrays: files have 1 or 3")
        return read_image(images, len(preprocessing.mean), preprocessing.orientation)
    if preprocessing.orientation == "exif" and isinstance(images, Image.Image):
        return ImageOps.exif_transpose(images)
    return images


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
    if channels != 3:
        raise ValueError(
            f"got a picture of {picture.shape[2]} channels; expected {channels}, as the network has"
        )
    return np.repeat(picture, 3, axis=2)


def _resized_and_cropped(
    picture: np.ndarray, preprocessing: Preprocessing, size: tuple[int, int]
) -> np.ndarray:
    """uint8 [height, width, C], of `size`."""
    if picture.dtype != np.uint8:
        picture = np.rint(picture).astype("uint8")
    return resize_and_crop(picture, size, preprocessing.resized(size), preprocessing.resizing)
