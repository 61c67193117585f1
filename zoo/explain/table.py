"""A network as the table that lectures print for AlexNet, and where its cost lies.

The columns are those of Justin Johnson's course EECS 498 (University of Michigan, lecture 8):
memory of the output in KB of float32 values, learnable parameters, multiply-adds as operations.
Convolutions, dense layers, poolings and what changes the shape or joins maps have a row. Padding
of its own stands in the row of the layer behind it. The parameters of a normalisation are counted
with the convolution in front of it, or, where none is, in a row of its own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.explain.graph import Call, Graph
from zoo.explain.receptive_field import windows_of
from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import keras
else:
    keras = lazy_module("keras")

_BYTES = 4  # of a value
# What has no row: it neither changes the shape nor has weights.
_JOINS = ("Add", "Concatenate", "Multiply")
_SHAPES = ("Flatten", "Reshape", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Dense")


@dataclasses.dataclass(frozen=True)
class Row:
    """A layer. Sizes are (height, width, channels) or (channels,); kernel, stride and padding are
    (rows, columns), None where there are none. padding: zeros on top and on the left; below and on
    the right in `padding_after`."""

    name: str
    kind: str
    input_size: tuple[int, ...]
    output_size: tuple[int, ...]
    filters: int | None
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    padding: tuple[int, int] | None
    padding_after: tuple[int, int] | None
    parameters: int
    operations: int

    @property
    def memory_kb(self) -> float:
        """KB (1,024 bytes) of the output in float32."""
        return math.prod(self.output_size) * _BYTES / 1024


def layer_table(model: keras.Model) -> list[Row]:
    """The rows of a network, for one image, in the order of their computation.

    Raises:
      ValueError: a model for images of any size.
    """
    graph = Graph(model)
    if None in graph.image_shape:
        raise ValueError(f"got model {graph.name!r} for images of {graph.image_shape}; expected a "
                         "height and a width, on which memory and operations hang")
    rows: list[Row] = []
    padded: dict[int, tuple] = {}  # number of a padded map -> ((top, bottom), (left, right)), size
    row_of: dict[int, int] = {}  # number of a tensor -> the row that it comes from
    for call in graph.calls:
        kind = type(call.operation).__name__
        if kind == "ZeroPadding2D":
            padded[call.output] = call.operation.padding, call.input_shapes[0][1:]
            continue
        normalises = kind == "BatchNormalization"
        before = row_of.get(call.inputs[0])
        if normalises and before is not None and rows[before].filters:
            rows[before] = dataclasses.replace(
                rows[before], parameters=rows[before].parameters + _parameters(call)
            )
            row_of[call.output] = before
        elif normalises or _has_row(call):
            row_of[call.output] = len(rows)
            rows.append(_row(call, kind, padded.get(call.inputs[0])))
    return rows


def totals(rows: Sequence[Row]) -> tuple[float, int, int]:
    """KB of memory, parameters and operations of all rows."""
    return (sum(row.memory_kb for row in rows), sum(row.parameters for row in rows),
            sum(row.operations for row in rows))


def as_markdown(rows: Sequence[Row]) -> str:
    """The table with its totals, as Markdown."""
    head = ("layer", "kind", "input", "filters", "kernel", "stride", "pad", "output", "memory KB",
            "parameters k", "MFLOP")
    lines = [head, tuple("---" if i < 3 else "---:" for i in range(len(head)))]
    lines += [cells(row) for row in rows]
    memory, parameters, operations = totals(rows)
    lines.append(("total", *[""] * 7, _kb(memory), f"{parameters / 1e3:,.0f}",
                  f"{operations / 1e6:,.1f}"))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cells(row: Row) -> tuple[str, ...]:
    """The texts of a row, as `as_markdown` has them."""
    return (
        row.name, row.kind, _size(row.input_size), "" if row.filters is None else str(row.filters),
        _pair(row.kernel), _pair(row.stride), _padding(row), _size(row.output_size),
        _kb(row.memory_kb), f"{row.parameters / 1e3:,.1f}", f"{row.operations / 1e6:,.1f}",
    )


def _kb(memory: float) -> str:
    return f"{memory:,.0f}" if memory >= 10 else f"{memory:.1f}"


def _size(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, (size[-1], *size[:-1])))  # as lectures have it, channels first


def _pair(pair: tuple[int, int] | None) -> str:
    if pair is None:
        return ""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def _padding(row: Row) -> str:
    if row.padding is None or row.padding == row.padding_after:
        return _pair(row.padding)
    return f"{_pair(row.padding)}+{_pair(row.padding_after)}"


def _has_row(call: Call) -> bool:
    kind = type(call.operation).__name__
    return windows_of(call.operation) is not None or kind in (*_JOINS, *_SHAPES) or bool(
        call.operation.weights if isinstance(call.operation, keras.layers.Layer) else ()
    )


def _row(call: Call, kind: str, padded: tuple | None) -> Row:
    operation, window = call.operation, windows_of(call.operation)
    size = tuple(call.input_shapes[0][1:])
    sides: list[tuple[int, int]] | None = None
    stride = kernel = None
    if window is not None:
        _, stride, mode = window
        kernel = tuple(getattr(operation, "kernel_size", None) or operation.pool_size)
        sides = [(0, 0), (0, 0)]
        if mode == "same":
            sides = [_same(n, m, k, s) for n, m, k, s in zip(
                size, call.output_shape[1:3], window[0], stride, strict=False)]
    if padded is not None:
        zeros, size = padded
        sides = [(a + c, b + d) for (a, b), (c, d) in zip(zeros, sides or [(0, 0)] * 2,
                                                         strict=True)]
    return Row(
        name=call.name, kind=kind, input_size=size, output_size=tuple(call.output_shape[1:]),
        filters=getattr(operation, "filters", None) or (
            call.output_shape[-1] if kind == "DepthwiseConv2D" else None),
        kernel=kernel, stride=stride,
        padding=sides and (sides[0][0], sides[1][0]),
        padding_after=sides and (sides[0][1], sides[1][1]),
        parameters=_parameters(call), operations=_operations(call),
    )


def _same(before: int, after: int, kernel: int, stride: int) -> tuple[int, int]:
    zeros = max((after - 1) * stride + kernel - before, 0)
    return zeros // 2, zeros - zeros // 2


def _parameters(call: Call) -> int:
    weights = getattr(call.operation, "trainable_variables", ())
    if not getattr(call.operation, "trainable", True):  # a frozen layer has them all the same
        weights = call.operation.weights
    return sum(math.prod(weight.shape) for weight in weights)


def _operations(call: Call) -> int:
    """Multiply-adds of convolutions and dense layers, comparisons or sums of poolings."""
    operation, places = call.operation, math.prod(call.output_shape[1:-1])
    if (kernel := getattr(operation, "kernel", None)) is not None:
        return places * math.prod(kernel.shape)
    if (pool := getattr(operation, "pool_size", None)) is not None:
        return places * call.output_shape[-1] * math.prod(pool)
    return 0
