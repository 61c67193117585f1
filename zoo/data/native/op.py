"""TensorFlow ops whose kernels Numba compiles.

Such an op runs as TensorFlow's own do, in its threads and without Python's lock, and a graph with
it may go to another process that has registered it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numba
import numpy as np
import tensorflow as tf
from numba import types

from zoo.data.native import c_api

# `contract`: a multiplication and an addition may be one instruction. NumPy's error model: dividing
# by zero raises no exception of Python's.
compiled = numba.njit(fastmath={"contract"}, error_model="numpy")

_kept = []  # what TensorFlow has the addresses of


def register_op(
    name: str, inputs: Sequence[str], outputs: Sequence[str], run: Callable
) -> Callable[..., list[tf.Tensor]]:
    """Adds an op with a kernel for the CPU to this process' TensorFlow.

    Args:
      name: in CamelCase, that no other op has.
      inputs, outputs: "NAME: DTYPE". Shapes are not inferred.
      run: `compiled`, (context, inputs, status): allocates and fills the outputs, or sets the
        status. All are addresses, `inputs` of TF_Tensors, int64 [len(inputs)]. Several threads may
        run it at once.

    Returns:
      Tensors -> tensors.

    A name that is taken, or a text that says no input, ends the process with TensorFlow's message.
    """
    count = len(inputs)

    @numba.cfunc(types.void(types.voidptr, types.voidptr))
    def compute(_, context):
        status = c_api.new_status()
        tensors = np.zeros(count, np.int64)
        for number in range(count):
            place = tensors.ctypes.data + number * tensors.itemsize
            c_api.get_input(context, number, place, status)
        run(context, tensors, status)
        if c_api.get_code(status):
            c_api.fail(context, status)
        for number in range(count):
            c_api.delete_tensor(tensors[number])
        c_api.delete_status(status)

    _kept.append(compute)
    _register(name.encode(), inputs, outputs, compute.address)

    def dtype_of(spec: str) -> tf.DType:
        return tf.as_dtype(spec.partition(":")[2].strip())

    def call(*tensors: tf.Tensor) -> list[tf.Tensor]:
        if tf.executing_eagerly():
            return call_eagerly(*tensors)
        graph = tf.compat.v1.get_default_graph()
        return graph.create_op(name, tensors, [dtype_of(spec) for spec in outputs]).outputs

    # TensorFlow's public functions put such an op into graphs only.
    call_eagerly = tf.function(
        call, input_signature=[tf.TensorSpec(None, dtype_of(spec)) for spec in inputs]
    )
    return call


def c_string(text: str) -> np.ndarray:
    """What `run` gives `c_api.set_status` the address of."""
    return np.frombuffer(text.encode() + b"\0", np.uint8)


@compiled
def allocate_output(
    context: int, number: int, dtype: int, item_bytes: int, shape: np.ndarray, status: int
) -> int:
    """The address of an output's TF_Tensor of `shape`, int64 [rank], or 0 and a status.

    Args:
      number: which output.
      dtype: of TF_DataType, with `item_bytes` bytes a number.
    """
    size = item_bytes
    for length in shape:
        size *= length
    return c_api.allocate_output(
        context, number, dtype, shape.ctypes.data, len(shape), size, status
    )


def _register(name: bytes, inputs: Sequence[str], outputs: Sequence[str], compute: int) -> None:
    status = c_api.new_status()
    op = c_api.new_op(name)
    for spec in inputs:
        c_api.add_input(op, spec.encode())
    for spec in outputs:
        c_api.add_output(op, spec.encode())
    c_api.set_shape_function(op, c_api.unknown_shape)
    c_api.register_op(op, status)
    c_api.register_kernel(name, c_api.new_kernel(name, b"CPU", None, compute, None), status)
    c_api.delete_status(status)
