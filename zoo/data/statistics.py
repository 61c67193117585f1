"""Mean, standard deviation and principal components of a set's colours.

The components are those of AlexNet's colour augmentation (Krizhevsky et al., 2012), the
eigenvectors of the covariance of all pixels' RGB values.
"""

from __future__ import annotations

import dataclasses

from zoo.data.bad_images import named_errors
from zoo.data.center_crop import resize_and_center_crop
from zoo.data.splits import Split
from zoo.data.visit import some_rows, visit
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")


@dataclasses.dataclass(frozen=True)
class ChannelStatistics:
    """Of all pixels of `num_images` images together, C channels.

    mean, std: float64 [C], levels of 0..255; the deviation is that of the population (divided by
    the number of pixels).
    eigenvalues: float64 [C], of the covariance of values in 0..1, the largest first.
    eigenvectors: float64 [C,C], columns of length 1, eigenvalue k's in column k; the component of
    the largest size is positive.
    """

    num_images: int
    num_pixels: int
    mean: np.ndarray
    std: np.ndarray
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray


def channel_statistics(
    split: Split,
    channels: int = 3,
    *,
    image_size: int = 0,
    eval_resize: int = 0,
    count: int = 0,
    seed: int = 0,
) -> ChannelStatistics:
    """One pass over all pixels; sums are whole numbers, so the order of the images has no effect.

    Args:
      channels: 1 or 3, whatever the split has.
      image_size: pixels of the evaluation's centre crop; 0 for whole images, of which large ones
        then weigh more.
      eval_resize: pixels of the short side before the crop; 0 for `image_size`.
      count: images drawn at random, by `seed`; 0 for all.

    Raises:
      ValueError: an argument out of range, or an image that cannot be decoded.
    """
    if eval_resize and not image_size:
        raise ValueError(f"eval_resize has no effect without image_size, got {eval_resize}")
    if image_size < 0:
        raise ValueError(f"image_size out of range, got {image_size}; expected pixels, or 0")

    def sums(image: tf.Tensor) -> tf.Tensor:
        if image_size:
            image = resize_and_center_crop(image, image_size, eval_resize or image_size)
        pixels = tf.reshape(image, [-1, channels])
        # A column of ones makes one product of the count, the sums and the sums of products. Those
        # of one image are below 2**53, so float64 holds them exactly.
        ones = tf.ones([tf.shape(pixels)[0], 1], tf.float64)
        pixels = tf.concat([ones, tf.cast(pixels, tf.float64)], axis=1)
        return tf.matmul(pixels, pixels, transpose_a=True)

    rows = some_rows(split, count, seed)
    total = np.zeros([channels + 1, channels + 1], np.int64)
    with named_errors({"the set": split}):
        for products, _ in visit(split, rows, channels, sums, "reading pixels of images"):
            total += products.astype(np.int64)
    return _from_sums(len(rows), total)


def _from_sums(num_images: int, total: np.ndarray) -> ChannelStatistics:
    # In Python's unlimited integers: differences of large numbers lose nothing.
    exact = total.astype(object)
    count, sums, products = exact[0, 0], exact[0, 1:], exact[1:, 1:]
    covariance = (count * products - np.outer(sums, sums)) / count**2
    covariance = covariance.astype(np.float64)
    values, vectors = np.linalg.eigh(covariance / 255**2)
    values, vectors = values[::-1].clip(0), vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(len(values))])
    return ChannelStatistics(
        num_images, int(count), (sums / count).astype(np.float64),
        np.sqrt(np.diag(covariance)), values, vectors,
    )
