"""The inner loop of resampling: a row of RGB pixels along itself.

The three channels of a pixel and the first of the next one are four neighbouring numbers, which one
instruction can treat. Numba's compiler does not find that out, so this loop is put together here,
instruction by instruction; it takes a third of the time.
"""

from __future__ import annotations

import llvmlite.ir as ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_CHANNELS = 3
_UNROLLED = 8  # taps
_FLOAT, _INDEX, _INT = ir.FloatType(), ir.IntType(64), ir.IntType(32)
_PIXEL = ir.VectorType(_FLOAT, 4)
_UNDEFINED = ir.Constant(_PIXEL, ir.Undefined)
_FIRST = ir.Constant(ir.VectorType(_INT, 4), [0] * 4)
_FLAGS = ("contract",)  # see op.py


@intrinsic
def resample_rgb_row(_, row, starts, weights, out):
    """out[x] = 0.5 + sum over k of weights[x, k] * row[starts[x] + k]; x and k count pixels.

    Contiguous arrays. The number after the last pixel of `row` is read, and the one after the last
    of `out` is written, to no effect.

    Args:
      row: float32 [3*W+1].
      starts: int32 [S], 0 <= starts[x] <= W - K.
      weights: float32 [S,K].
      out: float32 [3*S+1].
    """
    def build(context, builder, signature, values):
        arrays = [
            context.make_array(array)(context, builder, value)
            for array, value in zip(signature.args, values, strict=True)
        ]
        row, starts, weights, out = (array.data for array in arrays)
        size, taps = cgutils.unpack_tuple(builder, arrays[2].shape)

        def load(base: ir.Value, index: ir.Value) -> ir.Value:
            return builder.load(builder.gep(base, [index]))

        def pixel_at(base: ir.Value, index: ir.Value) -> ir.Value:
            place = builder.gep(base, [builder.mul(index, _INDEX(_CHANNELS))])
            return builder.bitcast(place, _PIXEL.as_pointer())

        def add_tap(total: ir.Value, x: ir.Value, start: ir.Value, k: ir.Value) -> ir.Value:
            weight = load(weights, builder.add(builder.mul(x, taps), k))
            weight = builder.insert_element(_UNDEFINED, weight, _INT(0))
            weight = builder.shuffle_vector(weight, _UNDEFINED, _FIRST)
            pixel = builder.load(pixel_at(row, builder.add(start, k)), align=4)
            return builder.fadd(total, builder.fmul(weight, pixel, flags=_FLAGS), flags=_FLAGS)

        def sum_taps(x: ir.Value, start: ir.Value, count: int | None) -> ir.Value:
            total = ir.Constant(_PIXEL, [0.5] * 4)
            if count is None:
                kept = cgutils.alloca_once_value(builder, total)
                with cgutils.for_range(builder, taps, intp=_INDEX) as k:
                    builder.store(add_tap(builder.load(kept), x, start, k.index), kept)
                return builder.load(kept)
            for k in range(count):
                total = add_tap(total, x, start, _INDEX(k))
            return total

        def go_along(count: int | None) -> None:
            with cgutils.for_range(builder, size, intp=_INDEX) as x:
                start = builder.zext(load(starts, x.index), _INDEX)
                total = sum_taps(x.index, start, count)
                builder.store(total, pixel_at(out, x.index), align=4)

        for count in range(1, _UNROLLED + 1):
            with builder.if_then(builder.icmp_unsigned("==", taps, _INDEX(count))):
                go_along(count)
        with builder.if_then(builder.icmp_unsigned(">", taps, _INDEX(_UNROLLED))):
            go_along(None)

    return types.void(row, starts, weights, out), build
