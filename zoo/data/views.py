"""What a network is shown of an image at test time: one or more crops, at one or more scales.

    centre     the centre crop
    flip       it and its mirror image
    five_crop  the four corners and the centre
    ten_crop   these and their mirror images (Krizhevsky et al., 2012, section 4.1)

With several short sides the image is resized to each of them and cropped anew, the multi-scale
testing of VGG (Simonyan and Zisserman, 2015, section 3.2) and ResNet (He et al., 2016). Those
papers also run the network over the whole image, as a convolution: that is left out.

Mirror images are not made here: the device makes them from half the bytes
(zoo/evaluate/several_views.py). They are those of the crops. torchvision's ten_crop cuts the
mirrored image instead: the same but for the centre, which lies a pixel aside where an odd number of
columns is cut off.
"""

from __future__ import annotations

import dataclasses

from zoo.data.center_crop import resize_and_center_crop, scale_and_translate
from zoo.data.methods import check_method
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

CROPS = ("centre", "flip", "five_crop", "ten_crop")


@dataclasses.dataclass(frozen=True)
class Views:
    """crops: one of `CROPS`; short_sides: of the resized images that they are cut from, pixels.

    Raises:
      ValueError: unknown crops; no short side, one below 1, or one that is there twice.
    """

    crops: str
    short_sides: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.crops not in CROPS:
            raise ValueError(f"unknown views, got {self.crops!r}; expected one of {list(CROPS)}")
        sides = self.short_sides
        if not sides or min(sides) < 1 or len(set(sides)) < len(sides):
            raise ValueError(f"short_sides out of range, got {sides}; expected one or more "
                             "different numbers of pixels >= 1")

    @property
    def mirrored(self) -> bool:
        """Whether the mirror image of each crop is a view too."""
        return self.crops in ("flip", "ten_crop")

    @property
    def num_crops(self) -> int:
        """V, what `cut` makes of an image."""
        return len(self.short_sides) * (5 if self.crops in ("five_crop", "ten_crop") else 1)

    @property
    def num_views(self) -> int:
        """The crops and their mirror images, where these are views."""
        return self.num_crops * (1 + self.mirrored)

    def check(self, image_size: int) -> None:
        """Raises ValueError for a short side below `image_size`."""
        if min(self.short_sides) < image_size:
            raise ValueError(f"short_sides out of range, got {self.short_sides}; expected each at "
                             f"least image_size={image_size}")

    def cut(self, images: tf.Tensor, image_size: int, method: str = "bilinear") -> tf.Tensor:
        """uint8 [...,H,W,C] -> uint8 [...,V,S,S,C], S = image_size; method: as of `five_crops`.

        Raises:
          ValueError: a short side below `image_size`, or an unknown method.
        """
        def cut_at(short_side: int) -> tf.Tensor:
            if self.crops in ("five_crop", "ten_crop"):
                return five_crops(images, image_size, short_side, method)
            centre = resize_and_center_crop(images, image_size, short_side, method)
            return tf.expand_dims(centre, -4)

        return tf.concat([cut_at(short_side) for short_side in self.short_sides], axis=-4)


def five_crops(
    images: tf.Tensor, image_size: int, short_side: int, method: str = "bilinear"
) -> tf.Tensor:
    """Resizes the short side and cuts out the corners and the centre.

    In torchvision's order, and with its rounding: top left, top right, bottom left, bottom right,
    centre, whose half pixels go to the even one. The resized image itself is never made.

    Args:
      images: uint8 [...,H,W,C].
      image_size: S, pixels.
      short_side: of the resized image, pixels, >= image_size.
      method: one of `zoo.data.methods.METHODS`.

    Returns:
      uint8 [...,5,S,S,C].

    Raises:
      ValueError: `short_side` below `image_size`, or an unknown method.
    """
    check_method(method)
    if short_side < image_size:
        raise ValueError(f"short_side out of range, got {short_side}; expected at least "
                         f"image_size={image_size}")
    before = tf.shape(images)[-3:-1]
    after = short_side * before // tf.reduce_min(before)
    room = tf.cast(after - image_size, tf.float32)
    scale = tf.cast(after / before, tf.float32)
    corners = [room * place for place in ([0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0])]
    return tf.stack([
        scale_and_translate(images, image_size, scale, -corner, method)
        for corner in [*corners, tf.round(room / 2)]
    ], axis=-4)
