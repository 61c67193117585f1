"""A folder of pictures for a batch of images: what `tools.explain` writes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from zoo import explain
from zoo.explain.charts import draw_bars
from zoo.explain.diagram import draw_diagram
from zoo.explain.pictures import (
    draw_channels,
    draw_examples,
    draw_map,
    draw_projections,
    draw_values,
)
from zoo.explain.table import as_markdown, layer_table
from zoo.progress import with_progress

BATCH = 16  # images at once
MOST_IN_A_SHEET = 100  # images
_MOST_CHANNELS = 4  # that are projected where none is chosen
# Kinds of maps -> whether they have a sign.
MAPS = {"grad_cam": False, "grad_cam_plus_plus": False, "integrated_gradients": True,
        "smooth_grad": True, "occlusion": True}


def picture_names(paths: Sequence[Path]) -> list[str]:
    """Of the files, without suffix, with a number where another picture has that name."""
    names = {"sheet": None}
    for path in paths:
        tries = itertools.chain([path.stem], (f"{path.stem}-{n}" for n in itertools.count(2)))
        names[next(name for name in tries if name not in names)] = None
    return [*names][1:]


def write_maps(
    folder: Path, kind: str, model: keras.Model, images: np.ndarray,
    levels: Sequence[np.ndarray], names: Sequence[str], *, chosen: int | None, layer: str | None,
) -> None:
    """A picture of the map of each image, and sheet.png with all of them, or the first hundred.

    kind: of `MAPS`. images: [N, H, W, C] as the model takes them; levels: uint8 [H, W, 3] of each;
    names: of the pictures, without suffix. chosen: the class that is explained; None: the likeliest
    of each. layer: of the first two kinds.
    """
    classes = range(model.output.shape[-1])
    class_names = getattr(model, "class_names", None) or [f"class {own}" for own in classes]
    options = {"layer": layer} if layer else {}
    examples = []
    starts = range(0, len(images), BATCH)
    for start in with_progress(starts, len(starts), f"{kind}, batches of {BATCH}"):
        some = slice(start, start + BATCH)
        logits = keras.ops.cast(model.predict_on_batch(images[some]), "float32")
        probabilities = np.asarray(keras.ops.softmax(logits))
        own = probabilities.argmax(-1) if chosen is None else [chosen] * len(probabilities)
        maps = getattr(explain, kind)(model, images[some], classes=own, **options)
        if maps.ndim == 4:  # of each channel
            maps = maps.sum(-1)
        for name, map_, picture, row, place in zip(
            names[some], maps, levels[some], probabilities, own, strict=True
        ):
            drawn = draw_map(map_, picture, signed=MAPS[kind])
            drawn.save(folder / f"{name}.png")
            caption = f"{class_names[place]} {100 * row[place]:.1f} %"
            examples.append([(picture, name), (drawn, caption)])
        del examples[MOST_IN_A_SHEET:]
    draw_examples(examples).save(folder / "sheet.png")


def write_feature_maps(
    folder: Path, model: keras.Model, images: np.ndarray, names: Sequence[str], layer: str | None
) -> None:
    """The channels of a layer, a picture an image."""
    for place, name in enumerate(names):
        (maps,) = explain.feature_maps(model, images[place : place + 1], layer)
        draw_channels(maps).save(folder / f"{name}.png")


def write_deconvnet(
    folder: Path, model: keras.Model, images: np.ndarray, levels: Sequence[np.ndarray],
    layer: str, channels: Sequence[int],
) -> None:
    """deconvnet.png: for each channel the strongest activations, patches above projections.

    channels: of the layer; none: the four with the strongest activations.
    """
    if not channels:
        highest = [explain.feature_maps(model, images[start : start + BATCH], layer).max((0, 1, 2))
                   for start in range(0, len(images), BATCH)]
        channels = np.argsort(-np.max(highest, 0), kind="stable")[:_MOST_CHANNELS].tolist()
    rows = []
    for channel in channels:
        row = []
        for found in explain.strongest(model, images, layer, channel, batch_size=BATCH):
            top, left, bottom, right = found.box
            place = np.s_[top:bottom, left:right]
            row.append((levels[found.image][place], found.projection[place]))
        rows.append((f"{layer}, channel {channel}", row))
    draw_projections(rows).save(folder / "deconvnet.png")


def write_lesson(
    folder: Path, greys: Sequence[np.ndarray], names: Sequence[str], kernel: str, *,
    padding: str, stride: int,
) -> None:
    """What a kernel makes of grey images, uint8 [H, W, 1], and sheet.png with all or a hundred."""
    examples = []
    for grey, name in zip(greys, names, strict=True):
        found = explain.filter_lesson(grey, kernel, padding=padding, stride=stride)
        drawn = draw_values(found[..., 0], signed=bool(found.min() < 0))
        drawn.save(folder / f"{name}.png")
        if len(examples) < MOST_IN_A_SHEET:
            examples.append([(np.repeat(grey, 3, -1), name), (drawn, kernel)])
    draw_examples(examples, 320).save(folder / "sheet.png")


def write_table(folder: Path, model: keras.Model) -> str:
    """table.md, whose text is returned, and bars.png."""
    rows = layer_table(model)
    text = as_markdown(rows)
    (folder / "table.md").write_text(text)
    draw_bars(rows, model.name, folder / "bars.png")
    return text


def write_diagram(folder: Path, model: keras.Model) -> None:
    """diagram.svg and diagram.png."""
    for suffix in ("svg", "png"):
        draw_diagram(model, folder / f"diagram.{suffix}")
