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
    name: str, inputs: Sequence[str], output: str, run: Callable
) -> Callable[..., tf.Tensor]:
    """Adds an op with one output and a kernel for the CPU to this process' TensorFlow.

    Args:
      name: in CamelCase, that no other op has.
      inputs, output: "NAME: DTYPE". Shapes are not inferred.
      run: `compiled`, (context, inputs, status): allocates and fills the output, or sets the
        status. All are addresses, `inputs` of TF_Tensors, int64 [len(inputs)]. Several threads may
        run it at once.

    Returns:
      Tensors -> tensor.

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
    _register(name.encode(), inputs, output, compute.address)
    dtypes = [tf.as_dtype(spec.partition(":")[2].strip()) for spec in (*inputs, output)]

    def call(*tensors: tf.Tensor) -> tf.Tensor:
        if tf.executing_eagerly():
            return call_eagerly(*tensors)
        graph = tf.compat.v1.get_default_graph()
        return graph.create_op(name, tensors, dtypes[-1:]).outputs[0]

    # TensorFlow's public functions put such an op into graphs only.
    call_eagerly = tf.function(
        call, input_signature=[tf.TensorSpec(None, dtype) for dtype in dtypes[:-1]]
    )
    return call


def c_string(text: str) -> np.ndarray:
    """What `run` gives `c_api.set_status` the address of."""
    return np.frombuffer(text.encode() + b"\0", np.uint8)


def _register(name: bytes, inputs: Sequence[str], output: str, compute: int) -> None:
    status = c_api.new_status()
    op = c_api.new_op(name)
    for spec in inputs:
        c_api.add_input(op, spec.encode())
    c_api.add_output(op, output.encode())
    c_api.set_shape_function(op, c_api.unknown_shape)
    c_api.register_op(op, status)
    c_api.register_kernel(name, c_api.new_kernel(name, b"CPU", None, compute, None), status)
    c_api.delete_status(status)
