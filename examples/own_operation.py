"""An augmentation operation of your own, used without a change to the zoo:

    PYTHONPATH=examples python -m recipes.lenet5 --augment="pad_crop(2)|own_operation:Tint(0.2)"

An operation is a class with two methods. `sample` draws all random numbers, one set for each image;
it runs on TensorFlow. `apply` uses them; it must compile with XLA and draws nothing, so that the
same parameters always give the same images. Arguments are checked when the object is made.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf
from keras import ops


@dataclass(frozen=True)
class Tint:
    """Multiplies each channel of an image by a factor of its own, uniform in
    [1 - strength, 1 + strength], as a wrong white balance does.

    Raises ValueError for a strength outside (0, 1].
    """

    strength: float

    def __post_init__(self):
        if not 0 < self.strength <= 1:
            raise ValueError(f"Tint: got strength={self.strength}; expected a number in (0, 1]")

    def sample(self, seed, batch_size: int, image_size: int):
        """float32 [B, 1, 1, 3]: the factors. seed: int32 [2]."""
        return tf.random.stateless_uniform(
            [batch_size, 1, 1, 3], seed, 1.0 - self.strength, 1.0 + self.strength
        )

    def apply(self, images, labels, parameters):
        """images: float32 [B, S, S, C] in 0..255; labels: float32 [B, num_classes]."""
        factors = parameters[..., :images.shape[-1]]  # grey images take the first
        return ops.clip(images * factors, 0.0, 255.0), labels
