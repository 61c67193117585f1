"""A set's images at a glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFont

from zoo.data.center_crop import resize_and_center_crop
from zoo.data.splits import Split
from zoo.data.visit import visit
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_GAP, _CAPTION = 4, 16  # pixels


def fit(
    tile: int, image_size: int, eval_resize: int, *, enlarge: bool = True
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function: uint8 [H,W,C] -> uint8 [h,w,C].

    With `image_size` 0 the whole image, its larger side `tile` pixels, or without `enlarge` at most
    so many; else the evaluation's centre crop (`eval_resize` 0: of the short side).
    """
    def whole(image):
        shape = tf.shape(image)[:2]
        larger = tf.reduce_max(shape)
        side = tile if enlarge else tf.minimum(tile, larger)
        sides = tf.maximum(side * shape // larger, 1)
        resized = tf.image.resize(image, sides, antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)

    def cropped(image):
        return resize_and_center_crop(image, image_size, eval_resize or image_size)

    return cropped if image_size else whole


def draw_sheet(
    examples: Sequence[tuple[np.ndarray, str]], tile: int, columns: int
) -> Image.Image:
    """Draws images in rows, their captions under them, white between them.

    examples: (uint8 [H,W,C], caption of one line or more), no side above `tile` pixels; columns:
        images a row.
    """
    columns = min(columns, len(examples))
    lines = max(caption.count("\n") + 1 for _, caption in examples)
    width, height = tile + _GAP, tile + lines * _CAPTION + _GAP
    size = columns * width + _GAP, -(-len(examples) // columns) * height + _GAP
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (image, caption) in enumerate(examples):
        left = _GAP + number % columns * width
        top = _GAP + number // columns * height
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        sheet.paste(picture.convert("RGB"), (left + (tile - picture.width) // 2,
                                             top + (tile - picture.height) // 2))
        for place, line in enumerate(caption.split("\n")):
            while draw.textlength(line, font=font) > tile:
                line = line.removesuffix("…")[:-1] + "…"
            draw.text((left, top + tile + place * _CAPTION), line, fill="black", font=font)
    return sheet


def sheet_of(
    split: Split, rows: Sequence[int], captions: Sequence[str], channels: int, *, tile: int = 160,
    columns: int = 6,
) -> Image.Image | None:
    """The whole images at `rows` of a split with their captions; None for no rows.

    channels: 1 or 3, that they are shown in.
    """
    if not rows:
        return None
    pictures = visit(split, np.asarray(rows), channels, fit(tile, 0, 0), "drawing images")
    return draw_sheet(
        [(image, own) for (image, _), own in zip(pictures, captions, strict=True)], tile, columns
    )
