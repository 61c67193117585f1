"""The centre crop of a resized picture, as zoo/weights/resizing.py, in a TensorFlow graph."""

from __future__ import annotations

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def resize_and_crop(
    images: tf.Tensor, size: tuple[int, int], resized: tuple[int, int], method: str
) -> tf.Tensor:
    """As `zoo.weights.resizing.resize_and_crop`, within a level of it.

    images: uint8 or float [B, H, W, C], in levels of 0..255, which are rounded to whole ones.

    Returns float32 [B, *size, C] of whole levels.
    """
    levels = tf.clip_by_value(tf.round(tf.cast(images, tf.float32)), 0.0, 255.0)
    before = tf.shape(images, out_type=tf.int64)[1:3]
    high, wide = resized
    # Of two equal sides either is right.
    after = tf.where(high * before[1] >= wide * before[0], high * before // before[0],
                     wide * before // before[1])
    if method == "area":  # see zoo/data/methods.py
        cut = tf.cond(
            tf.reduce_all(after <= before),
            lambda: _mean_of_areas(levels, before, after, size),
            lambda: resize_and_crop(images, size, resized, "bilinear"),
        )
        return tf.ensure_shape(cut, [images.shape[0], *size, images.shape[-1]])
    first = tf.cast(tf.round(tf.cast(after - size, tf.float64) / 2), tf.int64)
    step = tf.cast(before, tf.float64) / tf.cast(after, tf.float64)
    # Only what is seen, and what its filters reach: two pixels, of the larger of both pictures.
    reach = 2 * tf.maximum(step, 1.0) + 2
    start = tf.cast(first, tf.float64) * step
    low = tf.cast(tf.maximum(tf.floor(start - reach), 0), tf.int64)
    end = tf.cast(tf.math.ceil(start + size * step + reach), tf.int64)
    seen = levels[:, low[0] : end[0], low[1] : end[1]]
    offset = tf.cast((start - tf.cast(low, tf.float64)) / step, tf.float32)
    scale = tf.cast(1 / step, tf.float32)

    def resample(pictures: tf.Tensor, sides: list, axes: list[float]) -> tf.Tensor:
        chosen = tf.constant(axes)
        sums = tf.raw_ops.ScaleAndTranslate(
            images=pictures, size=sides, scale=tf.where(chosen == 1, scale, 1.0),
            translation=-offset * chosen, antialias=not method.endswith("_aliased"),
            kernel_type="keyscubic" if method.startswith("bicubic") else "triangle",
        )
        return tf.clip_by_value(tf.floor(sums + 0.5), 0.0, 255.0)

    def rows_first() -> tf.Tensor:
        rows = resample(seen, [size[0], tf.shape(seen)[2]], [1.0, 0.0])
        return resample(rows, [*size], [0.0, 1.0])

    def columns_first() -> tf.Tensor:
        columns = resample(seen, [tf.shape(seen)[1], size[1]], [0.0, 1.0])
        return resample(columns, [*size], [1.0, 0.0])

    if method.endswith("_aliased"):
        cut = resample(seen, [*size], [1.0, 1.0])
    else:  # as Pillow: with whole levels in between, and in its order
        tall = (before[0] > 2 * before[1]) & (after[0] < before[0])
        cut = tf.cond(tall, rows_first, columns_first)
    return tf.ensure_shape(cut, [images.shape[0], *size, images.shape[-1]])


def _mean_of_areas(
    levels: tf.Tensor, before: tf.Tensor, after: tf.Tensor, size: tuple[int, int]
) -> tf.Tensor:
    """float32 [B, H, W, C] -> [B, *size, C]; before, after: int64 [2], height and width.

    Which pixels an area covers hangs on the last bit of a position, so positions are float64, as
    in zoo/weights/resizing.py; ScaleAndTranslate's are float32.
    """
    def of_axis(axis: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        scale = tf.cast(before[axis], tf.float64) / tf.cast(after[axis], tf.float64)
        first = tf.round(tf.cast(after[axis] - size[axis], tf.float64) / 2)
        centres = (first + tf.range(size[axis], dtype=tf.float64) + 0.5) * scale
        starts = tf.maximum(tf.floor(centres - scale / 2 + 0.5), 0)
        ends = tf.minimum(tf.floor(centres + scale / 2 + 0.5), tf.cast(before[axis], tf.float64))
        pixels = tf.range(starts[0], ends[-1])
        distances = (pixels - centres[:, None] + 0.5) * (1 / scale)
        covered = (
            (pixels >= starts[:, None]) & (pixels < ends[:, None])
            & (distances > -0.5) & (distances <= 0.5)
        )
        weights = tf.cast(covered, tf.float32)
        low, high = tf.cast(starts[0], tf.int64), tf.cast(ends[-1], tf.int64)
        return weights / tf.reduce_sum(weights, axis=1, keepdims=True), low, high

    (rows, top, bottom), (columns, left, right) = of_axis(0), of_axis(1)
    seen = levels[:, top:bottom, left:right]
    means = tf.floor(tf.einsum("xw,bhwc->bhxc", columns, seen) + 0.5)  # whole levels, as Pillow's
    return tf.floor(tf.einsum("yh,bhxc->byxc", rows, means) + 0.5)


def with_checked_levels(images: tf.Tensor) -> tf.Tensor:
    """`images`, whose use raises tf.errors.InvalidArgumentError where they are no levels of 0..255.

    images: float; uint8 ones cannot be wrong. XLA leaves the check out.
    """
    low, high = tf.reduce_min(images), tf.reduce_max(images)
    checks = [
        # Comparisons with NaN are False. Black is black on both scales, and so is no picture.
        tf.debugging.Assert((low >= 0) & (high <= 255), [
            "got pictures with other values than levels of 0..255; smallest and largest:", low, high
        ]),
        tf.debugging.Assert((high <= 0) | (high > 1), [
            "got float pictures as if scaled to 0..1; expected levels of 0..255 (multiply by 255, "
            "or pass uint8); largest value:", high
        ]),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(images)
