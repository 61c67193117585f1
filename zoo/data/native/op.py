"""TensorFlow operations whose kernels Numba compiles.

Such an operation runs as TensorFlow's own do, in its threads and without Python's lock, and a graph
with it may go to another process that has registered it, too.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numba
import numpy as np
import tensorflow as tf
from numba import types
from tensorflow.python.framework import op_def_registry  # no public function tells what is there

from zoo.cache_folder import cache_folder
from zoo.data.native import c_api

# `contract`: a multiplication and an addition may be one instruction. NumPy's error model: dividing
# by zero raises no exception of Python's.
compiled = numba.njit(fastmath={"contract"}, error_model="numpy")
_KERNEL = types.void(types.intp, types.intp)


def register_op(
    name: str, inputs: Sequence[str], outputs: Sequence[str], compute
) -> Callable[..., list[tf.Tensor]]:
    """Adds an operation with a kernel for the CPU to this process' TensorFlow.

    An operation that is registered already, by another import of the same file, is used as it is:
    TensorFlow would end the process at a second registration.

    Args:
      name: in CamelCase.
      inputs, outputs: "NAME: DTYPE". Shapes are not inferred.
      compute: a `kernel`, which allocates and fills the outputs, or sets the status. Several
        threads may run it at once.

    Returns:
      Tensors -> tensors.

    Raises:
      RuntimeError: the name is taken by an operation with other inputs or outputs, or what
        TensorFlow says.
    """
    known = op_def_registry.get(name)
    if known is None:
        _register(name, inputs, outputs, compute)
    elif (found := _arguments(known)) != [*inputs, "->", *outputs]:
        raise RuntimeError(f"TensorFlow has another operation {name} already, {' '.join(found)}; "
                           f"expected {' '.join([*inputs, '->', *outputs])}")

    def call(*tensors: tf.Tensor) -> list[tf.Tensor]:
        if tf.executing_eagerly():
            return call_eagerly(*tensors)
        graph = tf.compat.v1.get_default_graph()
        return graph.create_op(name, tensors, [_dtype_of(spec) for spec in outputs]).outputs

    # TensorFlow's public functions put such an operation into graphs only.
    call_eagerly = tf.function(
        call, input_signature=[tf.TensorSpec(None, _dtype_of(spec)) for spec in inputs],
        autograph=False,
    )
    return call


def kernel(compute: Callable[[int, int], None]):
    """Compiles what TensorFlow calls with two addresses, of nothing and of its context.

    Begins with `take_inputs` and ends with `finish`. The machine code is kept in a file: compiling
    takes this package's kernels seven seconds of processor time, which each process would pay.
    """
    folder = _folder_of_code()
    try:
        with _numba_keeps_code_in(folder):
            return numba.cfunc(_KERNEL, cache=True)(compute)
    except Exception:  # of whatever kind: the folder cannot be written, or a file in it is damaged
        shutil.rmtree(folder, ignore_errors=True)
        return numba.cfunc(_KERNEL)(compute)


@compiled
def take_inputs(context: int, count: int, status: int) -> np.ndarray:
    """The addresses of the inputs' TF_Tensors, int64 [count]."""
    tensors = np.zeros(count, np.int64)
    for number in range(count):
        place = tensors.ctypes.data + number * tensors.itemsize
        c_api.get_input(context, number, place, status)
    return tensors


@compiled
def finish(context: int, inputs: np.ndarray, status: int) -> None:
    """Tells TensorFlow of a bad status and gives back what `take_inputs` took."""
    if c_api.get_code(status):
        c_api.fail(context, status)
    for tensor in inputs:
        c_api.delete_tensor(tensor)
    c_api.delete_status(status)


def c_string(text: str) -> np.ndarray:
    """What a kernel gives `c_api.set_status` the address of."""
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


def _dtype_of(spec: str) -> tf.DType:
    return tf.as_dtype(spec.partition(":")[2].strip())


def _arguments(known) -> list[str]:
    """Of an OpDef, as `register_op` takes them, with an arrow before the outputs."""
    def specs(arguments) -> list[str]:
        return [
            f"{argument.name}: {argument.type_attr or tf.as_dtype(argument.type).name}"
            for argument in arguments
        ]

    return [*specs(known.input_arg), "->", *specs(known.output_arg)]


def _register(name: str, inputs: Sequence[str], outputs: Sequence[str], compute) -> None:
    # Never freed, not even when this module is imported anew: TensorFlow keeps its address.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(compute))
    # The kernel first: where it is refused, the name is still free.
    c_api.check(lambda status: c_api.register_kernel(
        name.encode(), c_api.new_kernel(name.encode(), b"CPU", None, compute.address, None), status
    ))
    op = c_api.new_op(name.encode())
    for spec in inputs:
        c_api.add_input(op, spec.encode())
    for spec in outputs:
        c_api.add_output(op, spec.encode())
    c_api.set_shape_function(op, c_api.unknown_shape)
    c_api.check(lambda status: c_api.register_op(op, status))


def _folder_of_code() -> Path:
    """Of the code of these sources, this Numba and this TensorFlow: Numba itself looks at the file
    of a function alone, not at those of the functions that it calls."""
    digest = hashlib.sha256(f"{numba.__version__} {tf.__version__}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return cache_folder() / "compiled" / digest.hexdigest()[:16]


@contextlib.contextmanager
def _numba_keeps_code_in(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # or Numba takes another folder
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
