"""A network as blocks, one above the other, so that a ResNet fits on one page.

Where all that goes on is one map, the network can be cut: between two such places lies a block. A
block of branches, as a residual unit or an Inception block, is one box; a convolution with its
normalisation and activation is one, too. Boxes of the same kind and size behind each other are
drawn once, with their number.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.explain.graph import Call, Graph
from zoo.explain.receptive_field import windows_of
from zoo.files import written_aside
from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import keras

matplotlib = lazy_module("matplotlib")
figures = lazy_module("matplotlib.figure")
patches = lazy_module("matplotlib.patches")

_COLOURS = {
    "convolution": "#cfe2f3", "residual": "#d9ead3", "branches": "#fff2cc", "pooling": "#f4cccc",
    "dense": "#d9d2e9", "other": "#eeeeee",
}
_MOST_IN_A_COLUMN = 22
_MOST_SAID = 4  # parts of a block of branches
_BOX, _STEP, _WIDE = 0.34, 0.5, 4.9  # inches


@dataclasses.dataclass(frozen=True)
class Block:
    """kind: of `_COLOURS`; text: what is in it; size: of its output, (height, width, channels) or
    (channels,); count: how many like it follow each other."""

    kind: str
    text: str
    size: tuple[int | None, ...]
    count: int = 1


def blocks_of(model: keras.Model) -> list[Block]:
    """The blocks of a network from the images to the output, equal neighbours as one."""
    found: list[Block] = []
    for calls in _segments(Graph(model)):
        block = _block(calls)
        if block is None:
            continue
        same = found and (found[-1].kind, found[-1].text, found[-1].size[:-1]) == (
            block.kind, block.text, block.size[:-1])
        if same:
            found[-1] = dataclasses.replace(block, count=found[-1].count + 1)
        else:
            found.append(block)
    return found


def draw_diagram(model: keras.Model, path: Path) -> None:
    """Writes the blocks as an SVG or a PNG, as the name ends; texts of an SVG stay texts."""
    blocks = [Block("other", "images", Graph(model).image_shape), *blocks_of(model)]
    columns = [
        blocks[i : i + _MOST_IN_A_COLUMN] for i in range(0, len(blocks), _MOST_IN_A_COLUMN)
    ]
    rows = max(map(len, columns))
    height = _STEP * rows + 0.8
    figure = figures.Figure(figsize=(_WIDE * len(columns), height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, _WIDE * len(columns)), ylim=(0, height))
    axes.set_axis_off()
    top = _STEP * rows + 0.25
    axes.text(0.2, height - 0.3, model.name, fontsize=12, weight="bold", parse_math=False)
    told = "kernel, filters / stride; at the right height x width x channels"
    axes.text(0.2, height - 0.52, told, fontsize=7, color="#333333")
    for place, column in enumerate(columns):
        _draw_column(axes, column, _WIDE * place, top - 0.15, last=place == len(columns) - 1)
    with written_aside(path) as aside, matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(aside, dpi=150)


def _draw_column(axes, column: Sequence[Block], left: float, top: float, *, last: bool) -> None:
    width = _WIDE - 1.75
    for row, block in enumerate(column):
        bottom = top - row * _STEP - _BOX
        for behind in range(min(block.count, 3) - 1, -1, -1):  # as cards on each other
            shift = 0.05 * behind
            axes.add_patch(patches.FancyBboxPatch(
                (left + 0.2 + shift, bottom + shift), width, _BOX - 0.04,
                boxstyle="round,pad=0,rounding_size=0.06", linewidth=0.8, edgecolor="#555555",
                facecolor=_COLOURS[block.kind],
            ))
        text = f"{block.count} x   {block.text}" if block.count > 1 else block.text
        axes.text(left + 0.2 + width / 2, bottom + _BOX / 2 - 0.02, text, ha="center", va="center",
                  fontsize=7.5, parse_math=False)
        size = " x ".join(str(side) for side in block.size)
        axes.text(left + 0.32 + width, bottom + _BOX / 2 - 0.02, size, va="center", fontsize=7,
                  color="#333333")
        if row < len(column) - 1 or not last:
            axes.annotate("", (left + 0.2 + width / 2, bottom - (_STEP - _BOX)),
                          (left + 0.2 + width / 2, bottom),
                          arrowprops={"arrowstyle": "-|>", "lw": 0.8, "color": "#555555",
                                      "shrinkA": 0, "shrinkB": 0})


def _segments(graph: Graph) -> list[list[Call]]:
    """The calls between places where one map is all that goes on."""
    last_use = {number: place for place, call in enumerate(graph.calls) for number in call.inputs}
    last_use[graph.output] = len(graph.calls)
    segments, own = [], []
    alive = {graph.images}
    for place, call in enumerate(graph.calls):
        own.append(call)
        alive = {x for x in alive.union(call.outputs) if last_use.get(x, -1) > place}
        if len(alive) <= 1:
            segments.append(own)
            own = []
    return segments


def _block(calls: list[Call]) -> Block | None:
    """None: of layers that are part of the box before, as a normalisation or padding."""
    kinds = [type(call.operation).__name__ for call in calls]
    said = [text for text in map(_said, calls) if text]
    size = tuple(calls[-1].output_shape[1:])
    if len(calls) == 1 and not said:
        return None
    if "Power" in kinds:  # what blocks.local_response_norm is built of
        return Block("other", "local response normalisation", size)
    joins = [kind for kind in kinds if kind in ("Add", "Concatenate")]
    if joins:
        kind = "residual" if joins[-1] == "Add" else "branches"
    elif any("Conv" in own for own in kinds):
        kind = "convolution"
    elif any("Pool" in own for own in kinds):
        kind = "pooling"
    else:
        kind = "dense" if "Dense" in kinds else "other"
    if not joins:
        text = "squeeze and excitation" if "Multiply" in kinds else ", ".join(said) or kinds[-1]
        return None if kind == "other" and len(calls) > 1 else Block(kind, text, size)
    end = "joined" if kind == "branches" else "+ input"
    if any(windows_of(call.operation) and "shortcut" in call.name for call in calls):
        end = "+ shortcut"
    if len(said) > _MOST_SAID:
        kinds_said = dict.fromkeys(re.sub(r" \d+( / \d+)?$", "", text) for text in said)
        said = [f"{len(said)} layers: {', '.join(kinds_said)}"]
    return Block(kind, f"{' - '.join(said)} {end}" if said else end, size)


def _said(call: Call) -> str:
    """A layer in a few words; "" for those that are not drawn."""
    operation, kind = call.operation, type(call.operation).__name__
    if kind == "Dense":
        return f"dense {operation.units}"
    if kind in ("Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"):
        return {"Flatten": "flatten"}.get(kind, "global average"
                                          if "Average" in kind else "global maximum")
    if (window := windows_of(operation)) is None or "shortcut" in call.name:
        return ""
    kernel = getattr(operation, "kernel_size", None) or operation.pool_size
    text = "x".join(map(str, kernel))
    if "Pool" in kind:
        text += " max" if "Max" in kind else " average"
    elif kind == "DepthwiseConv2D":
        text += " depthwise"
    else:
        text += f" {operation.filters}"
    return text + (f" / {window[1][0]}" if max(window[1]) > 1 else "")
