"""Arrays as pictures: maps over the image they explain, with a colour bar; grids; sheets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zoo.data.contact_sheet import draw_sheet

SMALLEST = 224  # pixels of a picture's shorter side: smaller ones are enlarged, each pixel a square
_BAR, _GAP, _NUMBERS = 14, 6, 58  # widths, pixels
_POSITIVE, _SIGNED, _VALUES = "inferno", "RdBu_r", "viridis"
# Signed maps of pixels have a few very large values, beside which the others would not be seen.
_SHOWN_PERCENT = 99.5


def enlargement(size: tuple[int, int]) -> int:
    """How many pixels a side of a pixel becomes: 1 for images of `SMALLEST` and more."""
    return max(1, math.ceil(SMALLEST / min(size)))


def as_levels(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] of levels of 0..255 [H, W, C]; of other channels than 1 or 3 their mean."""
    levels = np.clip(np.rint(image), 0, 255).astype("uint8")
    if levels.shape[-1] not in (1, 3):
        levels = np.rint(levels.mean(-1, keepdims=True)).astype("uint8")
    return np.repeat(levels, 3, axis=-1) if levels.shape[-1] == 1 else levels


def draw_map(map_: np.ndarray, levels: np.ndarray, *, signed: bool) -> Image.Image:
    """A map over the grey picture that it explains, and its colour bar on the right.

    map_: float [H, W]; levels: uint8 [H, W, 3]. signed: red above 0 and blue below, else from dark
    to bright above 0. The picture has the images' size, or a whole multiple of it.
    """
    scale = enlargement(map_.shape)
    limit = float(np.percentile(np.abs(map_), _SHOWN_PERCENT) if signed else map_.max()) or 1.0
    grey = levels.mean(-1, keepdims=True) / 255
    if signed:
        # The less there is to say of a pixel, the more of the pale picture is seen.
        strength = np.clip(np.abs(map_) / limit, 0, 1)[..., None]
        colours = _coloured((map_ / limit + 1) / 2, _SIGNED)
        mixed = strength * colours + (1 - strength) * (0.65 + 0.35 * grey)
    else:
        mixed = 0.6 * _coloured(map_ / limit, _POSITIVE) + 0.4 * grey
    picture = np.rint(255 * mixed).astype("uint8").repeat(scale, 0).repeat(scale, 1)
    return _with_bar(picture, -limit if signed else 0.0, limit, _SIGNED if signed else _POSITIVE)


def draw_values(values: np.ndarray, *, signed: bool) -> Image.Image:
    """float [h, w] by itself, enlarged where it is small, with its colour bar."""
    scale = enlargement(values.shape)
    low, high = _range(values, signed)  # what is beyond has the colour of the end
    name = _SIGNED if signed else _VALUES
    picture = np.rint(255 * _coloured((values - low) / (high - low), name)).astype("uint8")
    return _with_bar(picture.repeat(scale, 0).repeat(scale, 1), low, high, name)


def draw_channels(maps: np.ndarray, *, most: int = 64) -> Image.Image:
    """The channels of one image's feature map [h, w, C] with the largest mean, in their order, each
    with its number, and one colour bar for all."""
    strongest = np.sort(np.argsort(-maps.mean((0, 1)), kind="stable")[:most])
    shown = maps[..., strongest]
    low, high = _range(shown, signed=False)
    colours = np.rint(255 * _coloured((shown - low) / (high - low), _VALUES)).astype("uint8")
    scale = max(1, math.ceil(72 / min(maps.shape[:2])))
    tiles = [
        (colours[:, :, place].repeat(scale, 0).repeat(scale, 1), str(channel))
        for place, channel in enumerate(strongest)
    ]
    sheet = draw_sheet(tiles, max(tiles[0][0].shape[:2]), math.ceil(math.sqrt(len(tiles))))
    return _with_bar(np.asarray(sheet), low, high, _VALUES)


def draw_filters(filters: np.ndarray) -> Image.Image:
    """[h, w, C, filters] as small pictures: colours for three channels, else a picture a channel.

    All on one scale, with 0 in the middle of the grey levels.
    """
    limit = float(np.abs(filters).max()) or 1.0
    levels = np.rint(255 * (filters / limit + 1) / 2).astype("uint8")
    if levels.shape[2] != 3:
        levels = levels.reshape(*levels.shape[:2], 1, -1)
    scale = max(1, math.ceil(48 / min(levels.shape[:2])))
    tiles = [
        (levels[..., place].repeat(scale, 0).repeat(scale, 1), str(place))
        for place in range(levels.shape[-1])
    ]
    sheet = draw_sheet(tiles, max(tiles[0][0].shape[:2]), math.ceil(math.sqrt(len(tiles))))
    return _with_bar(np.asarray(sheet), -limit, limit, "gray")


def draw_projections(rows: Sequence[tuple[str, Sequence[tuple[np.ndarray, np.ndarray]]]],
                     tile: int = 72) -> Image.Image:
    """Projections beside the patches that caused them, a row a channel.

    rows: (caption, pairs of a patch, uint8 [h, w, 3], and its projection, float [h, w, C]). A
    projection is shown on a scale of its own, 0 in the middle.
    """
    pairs = max(len(row) for _, row in rows)
    caption, gap = 18, 4
    width = pairs * (tile + gap) + gap
    height = caption + 2 * (tile + gap) + gap
    sheet = Image.new("RGB", (width, len(rows) * height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (text, row) in enumerate(rows):
        draw.text((gap, number * height + 2), text, fill="black", font=font)
        for place, (patch, projection) in enumerate(row):
            left, top = gap + place * (tile + gap), number * height + caption
            limit = float(np.abs(projection).max()) or 1.0
            levels = as_levels(127.5 * (projection / limit + 1))
            sheet.paste(_fitted(patch, tile), (left, top))
            sheet.paste(_fitted(levels, tile), (left, top + tile + gap))
    return sheet


Captioned = tuple[Image.Image | np.ndarray, str]


def draw_examples(examples: Sequence[Sequence[Captioned]], height: int = 224) -> Image.Image:
    """One sheet of a batch: of each image some pictures side by side; where there are many images,
    several of them in a row.

    examples: (picture, caption), as many of each image. height: of all pictures, pixels.
    """
    beside = max(1, round(math.sqrt(len(examples) / 3)))
    rows = [sum(map(list, examples[i : i + beside]), [])
            for i in range(0, len(examples), beside)]
    blank = (Image.new("RGB", (1, height), "white"), "")
    return draw_rows([row + [blank] * (len(rows[0]) - len(row)) for row in rows], height)


def draw_rows(rows: Sequence[Sequence[Captioned]], height: int) -> Image.Image:
    """Rows of pictures, (picture, caption) each, all of one height, pixels."""
    shown = [[(_of_height(np.asarray(picture), height), text) for picture, text in row]
             for row in rows]
    widths = [max(picture.width for picture, _ in column) for column in zip(*shown, strict=True)]
    caption, gap = 18, 8
    size = sum(widths) + gap * (len(widths) + 1), len(rows) * (height + caption + gap) + gap
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, row in enumerate(shown):
        left, top = gap, gap + number * (height + caption + gap)
        for (picture, text), width in zip(row, widths, strict=True):
            sheet.paste(picture, (left, top))
            while draw.textlength(text, font=font) > width:
                text = text.removesuffix("…")[:-1] + "…"
            draw.text((left, top + height + 2), text, fill="black", font=font)
            left += width + gap
    return sheet


def _of_height(picture: np.ndarray, height: int) -> Image.Image:
    return _fitted(picture, round(height * max(picture.shape[:2]) / picture.shape[0]))


def _fitted(picture: np.ndarray, tile: int) -> Image.Image:
    """With its longer side of `tile` pixels; few pixels stay squares."""
    height, width = picture.shape[:2]
    factor = tile / max(height, width)
    size = max(1, round(factor * width)), max(1, round(factor * height))
    way = Image.Resampling.NEAREST if factor > 2 else Image.Resampling.BICUBIC
    return Image.fromarray(picture).resize(size, way)


def _range(values: np.ndarray, signed: bool) -> tuple[float, float]:
    if signed:
        limit = float(np.percentile(np.abs(values), _SHOWN_PERCENT)) or 1.0
        return -limit, limit
    low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + 1


def _coloured(shares: np.ndarray, name: str) -> np.ndarray:
    """float [..., 3] of 0..1, of shares of 0..1."""
    return matplotlib.colormaps[name](np.clip(shares, 0, 1))[..., :3]


def _with_bar(picture: np.ndarray, low: float, high: float, name: str) -> Image.Image:
    """uint8 [H, W, 3] with the colours from `high`, on top, to `low` on its right."""
    height, width = picture.shape[:2]
    sheet = Image.new("RGB", (width + _GAP + _BAR + _NUMBERS, height), "white")
    sheet.paste(Image.fromarray(picture), (0, 0))
    column = _coloured(np.linspace(1, 0, height)[:, None], name)
    bar = np.rint(255 * column).astype("uint8").repeat(_BAR, 1)
    sheet.paste(Image.fromarray(bar), (width + _GAP, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for share, anchor in ((1.0, "la"), (0.5, "lm"), (0.0, "ld")):
        value = low + share * (high - low)
        value = 0 if abs(value) < 1e-3 * (high - low) else value
        draw.text((width + _GAP + _BAR + 4, round((1 - share) * (height - 1))), f"{value:.3g}",
                  fill="black", font=font, anchor=anchor)
    return sheet
