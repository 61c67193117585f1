"""What each op does, once more: in NumPy, SciPy and PIL, one image after another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.ndimage
from augment_images import SIDE
from PIL import Image, ImageEnhance, ImageOps
from scipy import special

from zoo.augment.pixels.choice import OPERATIONS

LUMA = np.array([0.299, 0.587, 0.114])
YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
# Maps of PIL's Image.transform, at no round places so that no pixel is on the edge by a hair.
MAPS = np.array([
    [np.cos(0.3), -np.sin(0.3), 1.234, np.sin(0.3), np.cos(0.3), -2.345],
    [1, 0, 3.1234, 0, 1, -2.2345], [1, 0.3123, -1.371, 0, 1, 0.1234], [1, 0, 0.1237, -0.4321, 1, 3],
    [0.51, 0, 4.321, 0, 0.62, 3.2113], [1.7123, 0, -7.1, 0, 1.3217, -3.3],
    [-1, 0, SIDE - 0.0123, 0, 1, 0.0321], [0.8, 0.6, -3.21, -0.6, 0.8, 8.765],
])
IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])


def each(change: Callable) -> Callable:
    """A reference for images alone, from change(image as float64, its parameters)."""
    def reference(images, labels, parameters):
        parts = parameters if isinstance(parameters, tuple) else (parameters,)
        return np.stack([
            change(image.astype(np.float64), *(part[i] for part in parts))
            for i, image in enumerate(images)
        ]), labels
    return reference


def where(change: Callable) -> Callable:
    return each(lambda image, drawn: change(image) if drawn else image)


def by_pil(change: Callable) -> Callable:
    """change(PIL image, ...) on float levels that are whole."""
    def changed(image, *parameters):
        mode_l = image.shape[-1] == 1
        pil = Image.fromarray((image[..., 0] if mode_l else image).astype(np.uint8))
        result = np.asarray(change(pil, *parameters), np.float64)
        return result[..., None] if mode_l else result
    return changed


def luma(image):
    return image @ LUMA[:, None] if image.shape[-1] == 3 else image


def chroma(image, saturation, turns):
    cos, sin = np.cos(np.pi * turns), np.sin(np.pi * turns)
    turn = np.array([[1, 0, 0], [0, saturation * cos, -saturation * sin],
                     [0, saturation * sin, saturation * cos]])
    return image @ (np.linalg.inv(YIQ) @ turn @ YIQ).T


def contrast(image, factor):
    return factor * image + (1 - factor) * luma(image).mean()


def clipped(change: Callable) -> Callable:
    return each(lambda *values: np.clip(change(*values), 0, 255))


def fixed(maps) -> np.ndarray:
    """Kernel maps as PIL's C code makes them: 16 bits behind the point, from centre to centre."""
    a, b, c, d, e, f = np.asarray(maps, np.float64).T
    parts = np.stack([a, b, c + (a + b) / 2, d, e, f + (d + e) / 2], 1)
    return np.floor(parts * 65536 + 0.5).astype(np.int32)


def unfixed(maps):
    a, b, c, d, e, f = maps.astype(np.float64).T / 65536
    return np.stack([a, b, c - (a + b) / 2, d, e, f - (d + e) / 2], 1)


def seen_through(fill: float, resample: int) -> Callable:
    def reference(images, labels, parameters):
        return np.stack([
            np.stack([
                np.asarray(Image.fromarray(image[..., channel]).transform(
                    image.shape[:2], Image.Transform.AFFINE, tuple(one), resample, fillcolor=fill
                )) for channel in range(image.shape[-1])
            ], -1) for image, one in zip(images, MAPS, strict=True)
        ]), labels
    return reference


def pad_crop(image, corner, pixels=3):
    padded = np.pad(image, [(pixels, pixels), (pixels, pixels), (0, 0)])
    top, left = corner
    return padded[top:top + len(image), left:left + len(image)]


def noise(image, seed, std):
    with np.errstate(over="ignore"):
        def scramble(x):
            x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
            x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
            return x ^ (x >> np.uint32(16))
        own = np.uint32(seed)
        bits = scramble(scramble(np.arange(image.size, dtype=np.uint32) ^ own) + own)
    share = ((bits >> np.uint32(9)) + 0.5) / 2**22 - 1
    return image + std * np.sqrt(2) * special.erfinv(share).reshape(image.shape)


def blur(image, sigma):
    if sigma == 0:
        return image
    for axis in (0, 1):
        image = scipy.ndimage.gaussian_filter1d(image, sigma, axis, mode="mirror", radius=6)
    return image


def sharpness(image, factor):
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]])[..., None] / 13
    smooth = scipy.ndimage.correlate(image, kernel)
    edge = np.ones_like(image)
    edge[1:-1, 1:-1] = 0
    return np.where(edge, image, smooth + factor * (image - smooth))


def filled(image, rectangle, value=200.0):
    top, left, bottom, right = rectangle
    image = image.copy()
    image[top:bottom, left:right] = value
    return image


def mixup(images, labels, parameters):
    share, partner = (np.asarray(part) for part in parameters)
    share = share.astype(np.float64)

    def blend(values):
        return np.stack([
            share[i] * values[i].astype(np.float64) + (1 - share[i]) * values[partner[i]]
            for i in range(len(values))
        ])

    return blend(images), blend(labels)


def cutmix(images, labels, parameters):
    rectangles, partner = parameters
    images, mixed = images.copy(), labels.astype(np.float64)
    before = images.copy()
    for i, (top, left, bottom, right) in enumerate(rectangles):
        images[i, top:bottom, left:right] = before[partner[i], top:bottom, left:right]
        area = (bottom - top) * (right - left) / images.shape[1] ** 2
        mixed[i] = (1 - area) * labels[i] + area * labels[partner[i]]
    return images, mixed


def mixup_or_cutmix(images, labels, parameters):
    blended, blended_labels = mixup(images, labels, parameters[0])
    pasted, pasted_labels = cutmix(images, labels, parameters[1])
    cut = parameters[1][0].any(1)
    return (np.where(cut[:, None, None, None], pasted, blended),
            np.where(cut[:, None], pasted_labels, blended_labels))


def pil_operation(image, name: str, strength: float, one_map):
    """An operation of RandAugment, by PIL. image: PIL's; strength as in pixels/choice.py."""
    if one_map is not None:
        fill = 128 if image.mode == "L" else (128, 128, 128)
        return image.transform(image.size, Image.Transform.AFFINE, tuple(one_map),
                               Image.Resampling.NEAREST, fillcolor=fill)
    return {
        "identity": lambda: image,
        "autocontrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
        "solarize": lambda: ImageOps.solarize(image, int(strength)),
        "posterize": lambda: ImageOps.posterize(image, int(strength)),
        "color": lambda: ImageEnhance.Color(image).enhance(strength),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(strength),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(strength),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(strength),
        "invert": lambda: ImageOps.invert(image),
        "solarize_add": lambda: image.point(
            [x + int(strength) * (x < 128) for x in range(256)] * len(image.getbands())
        ),
    }[name]()


def in_turn(images, labels, parameters):
    """Reference of the ops that choose: each image through its operations, by PIL."""
    operations, strengths = parameters["operation"], parameters["strength"]
    # Back from fixed point: exact, so that PIL makes the same integers of it.
    maps = unfixed(parameters["map"].reshape(-1, 6)).reshape(parameters["map"].shape)
    results = []
    for i, image in enumerate(images):
        for place, number in enumerate(operations[i]):
            name = OPERATIONS[number]
            moves = name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
            image = by_pil(pil_operation)(
                image, name, float(strengths[i, place]), maps[i, place] if moves else None
            )
        results.append(image)
    return np.stack(results), labels


def augmix(images, labels, parameters):
    chains = in_turn(np.tile(images, (3, 1, 1, 1)), labels, parameters["rounds"])[0]
    chains = chains.reshape(3, *images.shape)
    mixed = np.einsum("bk,kbxyc->bxyc", parameters["weights"], chains)
    share = parameters["share"][:, None, None, None]
    return share * images + (1 - share) * mixed, labels
