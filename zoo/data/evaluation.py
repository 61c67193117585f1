"""From a split to batches for evaluation: each example exactly once."""

from __future__ import annotations

import functools
from collections.abc import Callable

from zoo.data.center_crop import resize_and_center_crop
from zoo.data.decode import as_channels
from zoo.data.methods import check_method
from zoo.data.pipeline import check_numbers, decoded_example, images_in_work, with_options
from zoo.data.splits import ArraySplit, Split
from zoo.data.views import Views
from zoo.data.without_autograph import without_autograph
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


@without_autograph
def eval_batches(
    split: Split,
    *,
    image_size: int,
    channels: int,
    batch_size: int,
    eval_resize: int | None = None,
    views: Views | None = None,
    resizing: str = "bilinear",
    host_threads: int = 0,
) -> tf.data.Dataset:
    """Each example exactly once, in natural order, in batches of one shape.

    Args:
      image_size, channels, batch_size, host_threads: as in `train_batches`.
      eval_resize: the short side in pixels before the centre crop, >= image_size.
      views: instead of this, what is shown of each image.
      resizing: one of `zoo.data.methods.METHODS`.

    Returns:
      Elements (images uint8 [B,S,S,C], labels int32 [B], mask bool [B]); with `views` the images
      are [B,V,S,S,C]. Where the mask is False, at the end of the last batch, images and labels are
      zeros.

    Raises:
      ValueError: an argument out of range, or not exactly one of `eval_resize` and `views`.
    """
    check_numbers(image_size, channels, batch_size, host_threads)
    check_method(resizing)
    crop = _crop(image_size, eval_resize, views, resizing)
    shape = [image_size, image_size, channels]
    if views is not None:
        shape = [views.num_crops, *shape]
    steps = -(-split.num_examples // batch_size)
    dataset = tf.data.Dataset.range(steps).map(
        lambda step: step * batch_size + tf.range(batch_size, dtype=tf.int64)
    )

    def fit(images: tf.Tensor) -> tf.Tensor:
        return as_channels(crop(images), channels)

    if isinstance(split, ArraySplit):
        gather = _gatherer(split, fit, shape)
        dataset = dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE)
    else:
        load = _loader(split, fit, shape)
        dataset = dataset.unbatch().map(load, num_parallel_calls=images_in_work(host_threads))
        dataset = dataset.batch(batch_size, drop_remainder=True)
    dataset = dataset.map(
        lambda *element: tuple(tf.ensure_shape(part, [batch_size, *part.shape[1:]])
                               for part in element)
    )
    return with_options(dataset, steps, host_threads)


def _crop(
    image_size: int, eval_resize: int | None, views: Views | None, resizing: str
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns uint8 [...,H,W,C] -> uint8 [...,S,S,C], or with `views` [...,V,S,S,C]."""
    if (eval_resize is None) == (views is None):
        raise ValueError(f"got eval_resize={eval_resize} and views={views}; expected one of them")
    if views is not None:
        views.check(image_size)
        return functools.partial(views.cut, image_size=image_size, method=resizing)
    if eval_resize < image_size:
        raise ValueError(f"eval_resize out of range, got {eval_resize}; expected at least "
                         f"image_size={image_size}")
    return functools.partial(
        resize_and_center_crop, image_size=image_size, eval_resize=eval_resize, method=resizing
    )


def _gatherer(
    split: ArraySplit, fit: Callable[[tf.Tensor], tf.Tensor], shape: list[int]
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Returns index int64 [B] -> (images [B,*shape], labels, mask) of an array."""
    count = split.num_examples

    def gather(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        mask = index < count
        images, labels = split.example(tf.minimum(index, count - 1))
        shown = tf.reshape(mask, [-1, *(1 for _ in shape)])
        images = tf.where(shown, fit(images), tf.zeros([], tf.uint8))
        return images, tf.where(mask, labels, 0), mask

    return gather


def _loader(
    split: Split, fit: Callable[[tf.Tensor], tf.Tensor], shape: list[int]
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Returns index int64 scalar -> (image of `shape`, label, True), or zeros behind the last."""
    def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        def real() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            image, label = decoded_example(split, index)
            return fit(image), label, True

        def padding() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            return tf.zeros(shape, tf.uint8), 0, False

        return tf.cond(index < split.num_examples, real, padding)

    return load
