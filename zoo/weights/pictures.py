"""What an app has as pictures -> NumPy arrays: arrays, PIL images, lists of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.lazy import lazy_module

np = lazy_module("numpy")
Image = lazy_module("PIL.Image")
ImageCms = lazy_module("PIL.ImageCms")

if TYPE_CHECKING:
    import PIL.Image

# What Pillow itself turns into grey or RGB; it drops transparency, as the decoder of files does.
_GREY = ("1", "L", "LA", "La")
_COLOUR = ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr", "HSV")
_GREY_16_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


def as_arrays(
    images: np.ndarray | PIL.Image.Image | Sequence, channels: int = 3
) -> list[np.ndarray]:
    """A list of [H, W, C], C is 1, 3 or `channels`; uint8, or float as it came.

    images: one picture [H, W] or [H, W, C], a batch [B, H, W, C], a PIL image, or a list of these.

    Raises:
      ValueError: another shape, number of channels, type or mode; or no picture.
    """
    if isinstance(images, (list, tuple)):
        pictures = [_as_array(image) for image in images]
    else:
        array = _as_array(images)
        pictures = list(array) if array.ndim == 4 else [array]
    pictures = [picture[:, :, None] if picture.ndim == 2 else picture for picture in pictures]
    if not pictures:
        raise ValueError("got no pictures; expected at least one")
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[2] not in (1, 3, channels) or 0 in picture.shape:
            raise ValueError(
                f"got a picture of shape {picture.shape}; expected [height, width, {channels}], "
                "[height, width, 1] or [height, width]"
            )
        if picture.dtype != np.uint8 and not np.issubdtype(picture.dtype, np.floating):
            raise ValueError(f"got pictures of type {picture.dtype}; expected uint8 or a float")
    return pictures


def from_pil(image: PIL.Image.Image) -> np.ndarray:
    """uint8 [H, W] of a grey image, uint8 [H, W, 3] RGB of another; float32 [H, W] of mode F.

    The numbers of a PIL image are colours of its mode: indices of a palette, or hues, are no RGB.
    Transparency is dropped; of 16 bits the upper 8 stay, as where files are decoded.

    Raises:
      ValueError: a mode whose levels are not known, as I, whole numbers of any range.
    """
    mode = image.mode
    if mode in _GREY:
        return np.asarray(_plain(image).convert("L"))
    if mode in _COLOUR:
        return np.asarray(_plain(image).convert("RGB"))
    if mode in _GREY_16_BITS:
        return (np.asarray(image) >> 8).astype("uint8")
    if mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return np.asarray(ImageCms.profileToProfile(image, *profiles, outputMode="RGB"))
    if mode == "F":
        return np.asarray(image)  # levels of 0..255, as of a float array
    known = ", ".join((*_GREY, *_COLOUR, *_GREY_16_BITS, "LAB", "F"))
    raise ValueError(f"got a PIL image of mode {mode!r}; expected one of {known}: convert it first")


def _as_array(image: object) -> np.ndarray:
    return from_pil(image) if isinstance(image, Image.Image) else np.asarray(image)


def _plain(image: PIL.Image.Image) -> PIL.Image.Image:
    """Colours that are multiplied by their transparency as they were before it."""
    return image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode))
