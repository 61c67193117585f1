"""Random erasing (Zhong et al., arXiv 1708.04896)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require, require_level, require_rate
from zoo.augment.pixels.colour import clip
from zoo.augment.pixels.normal import normal_images
from zoo.augment.pixels.rectangle import inside
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")
tf = lazy_module("tensorflow")

TRIES = 10  # as in torchvision and timm


@dataclass(frozen=True)
class Erase:
    """Sets a random rectangle to one level, or to noise, with probability `rate`.

    area: shares of the image, uniform between the two. ratio: height by width, uniform in the
    logarithm. value: the level. noise: deviation of normal noise about it, in levels, each pixel
    and channel its own, cut to 0..255; with value=114, noise=58 about what timm's mode "pixel"
    puts behind the normalisation. Of ten rectangles the first that fits is taken; if none does,
    the image stays.

    Raises ValueError for a rate outside (0, 1], shares outside 1e-6..1, ratios outside 1e-3..1e3,
    or pairs that do not go from low to high, a value or noise outside 0..255.
    """

    rate: float = 0.5
    area: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: float = 0.0
    noise: float = 0.0

    def __post_init__(self):
        require_rate("erase", self.rate)
        for name, least, most in (("area", 1e-6, 1), ("ratio", 1e-3, 1e3)):
            pair = getattr(self, name)
            good = type(pair) is tuple and len(pair) == 2
            good = good and least <= pair[0] <= pair[1] <= most
            expected = f"(low, high) with {least:g} <= low <= high <= {most:g}"
            require(good, "erase", name, pair, expected)
        require_level("erase", "value", self.value)
        require_level("erase", "noise", self.noise)

    def sample(self, seed, batch_size: int, image_size: int):
        """int32 [B, 4]: top, left, bottom, right; an empty rectangle where nothing is erased.
        With noise (these, int32 [B] the image's own seed)."""
        seeds = draw.split(seed, 4)
        shape = [batch_size, TRIES]
        area = draw.uniform(seeds[0], shape, *self.area) * image_size**2
        ratio = tf.exp(draw.uniform(seeds[1], shape, *(math.log(part) for part in self.ratio)))
        sides = tf.round(tf.stack([tf.sqrt(area * ratio), tf.sqrt(area / ratio)], 2))
        sides = tf.cast(sides, tf.int32)
        fits = tf.reduce_all((sides >= 1) & (sides < image_size), 2)
        first = tf.argmax(tf.cast(fits, tf.int32), 1)
        sides = tf.gather(sides, first, batch_dims=1)
        erased = tf.reduce_any(fits, 1) & draw.chance(seeds[2], batch_size, self.rate)
        sides = tf.where(erased[:, None], sides, 0)
        room = tf.cast(image_size - sides + 1, tf.float32)
        corner = tf.cast(tf.floor(draw.uniform(seeds[3], [batch_size, 2]) * room), tf.int32)
        rectangles = tf.concat([corner, corner + sides], 1)
        if not self.noise:
            return rectangles
        own = draw.integers(draw.fold_in(seeds[2], 1), [batch_size], 2**31 - 1)
        return rectangles, own

    def apply(self, images, labels, parameters):
        if not self.noise:
            erased = inside(parameters, images.shape[1])[..., None]
            return ops.where(erased, self.value, images), labels
        rectangles, own = parameters
        erased = inside(rectangles, images.shape[1])[..., None]
        levels = clip(self.value + self.noise * normal_images(own, images.shape))
        return ops.where(erased, levels, images), labels
