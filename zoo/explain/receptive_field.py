"""Which pixels a place of a feature map sees, from kernels, strides and padding on the way."""

from __future__ import annotations

from typing import NamedTuple

from zoo.explain.graph import Call, Graph
from zoo.lazy import lazy_module

keras = lazy_module("keras")


class Box(NamedTuple):
    """Pixels top to bottom - 1 and left to right - 1; outside of the image where it is padded."""

    top: int
    left: int
    bottom: int
    right: int

    def inside(self, height: int, width: int) -> Box:
        """The part of it that is in the image."""
        return Box(max(self.top, 0), max(self.left, 0), min(self.bottom, height),
                   min(self.right, width))


def kept_inputs(call: Call) -> tuple[int, ...]:
    """The inputs that a value is followed back to.

    Of a quotient and a power only the first: in the response normalisation x / (k + sums)^beta the
    divisor is a scale, which changes how much, not what.
    """
    held = type(call.operation).__name__ in ("Divide", "TrueDivide", "Power")
    return call.inputs[:1] if held else call.inputs


def receptive_field(graph: Graph, call: Call, row: int, column: int) -> Box:
    """The pixels that this place of the call's output depends on; those of padding, too.

    Raises:
      ValueError: a layer of a kind whose windows are not known here, or an open image size.
    """
    height, width = graph.image_shape[:2]
    if None in (height, width):
        raise ValueError(f"got model {graph.name!r} for images of any size; expected one with a "
                         "height and a width")
    boxes = {call.output: Box(row, column, row + 1, column + 1)}
    for own in reversed(graph.before([call.output])):
        box = next((boxes[x] for x in own.outputs if x in boxes), None)
        if box is None:
            continue
        seen = _window(own, box, (height, width))
        for number in kept_inputs(own):
            boxes[number] = _union(boxes[number], seen) if number in boxes else seen
    return boxes[graph.images]


def _window(call: Call, box: Box, image_size: tuple[int, int]) -> Box:
    """The places of the call's inputs that those of its output come from."""
    layers, operation = keras.layers, call.operation
    if len(call.input_shapes[0]) != 4 or len(call.output_shape) != 4:
        return Box(0, 0, *image_size)
    before, after = call.input_shapes[0][1:3], call.output_shape[1:3]
    if isinstance(operation, layers.ZeroPadding2D):
        (top, _), (left, _) = operation.padding
        return Box(box.top - top, box.left - left, box.bottom - top, box.right - left)
    if isinstance(operation, layers.Cropping2D):
        (top, _), (left, _) = operation.cropping
        return Box(box.top + top, box.left + left, box.bottom + top, box.right + left)
    if (window := windows_of(operation)) is not None:
        kernel, strides, padding = window
        sides = []
        for axis in range(2):
            start, end = box[axis], box[axis + 2]
            zeros = 0
            if padding == "same":
                zeros = max((after[axis] - 1) * strides[axis] + kernel[axis] - before[axis], 0) // 2
            sides.append((start * strides[axis] - zeros,
                          (end - 1) * strides[axis] - zeros + kernel[axis]))
        (top, bottom), (left, right) = sides
        return Box(top, left, bottom, right)
    if before == after:
        return box
    raise ValueError(f"got layer {call.name!r}, a {type(operation).__name__} that changes the size "
                     f"of its map; expected a convolution, pooling, padding or cropping")


def windows_of(operation: object) -> tuple[tuple[int, int], tuple[int, int], str] | None:
    """(kernel, strides, padding) of a convolution, dilated or not, or of a pooling; else None."""
    layers = keras.layers
    if isinstance(operation, (layers.Conv2DTranspose, layers.Conv3D)):
        return None
    if isinstance(operation, (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)):
        kernel = tuple(
            (side - 1) * rate + 1 for side, rate in
            zip(operation.kernel_size, operation.dilation_rate, strict=True)
        )
        return kernel, tuple(operation.strides), operation.padding
    if isinstance(operation, (layers.MaxPooling2D, layers.AveragePooling2D)):
        return tuple(operation.pool_size), tuple(operation.strides), operation.padding
    return None


def _union(one: Box, other: Box) -> Box:
    return Box(min(one.top, other.top), min(one.left, other.left),
               max(one.bottom, other.bottom), max(one.right, other.right))
