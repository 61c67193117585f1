"""The part of TensorFlow's C API that an operation needs.

It is there for plug-ins: tensorflow/c/kernels.h, ops.h, tf_tensor.h, tf_status.h. The functions up
to `delete_tensor` are called by what Numba compiles; an address is an integer to it. It knows them
by name, not by the address that they have in this process: so compiled code can be kept. Where
Numba or TensorFlow's library cannot be had, importing this file fails.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

import llvmlite.binding
import tensorflow as tf
from numba import types

INVALID_ARGUMENT = 3  # of TF_Code
FLOAT32, INT32, UINT8 = 1, 3, 4  # of TF_DataType

_Address, _Text, _Int = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


def _open_library() -> ctypes.CDLL:
    folder = tf.sysconfig.get_lib()
    for name in ("libtensorflow_framework.so.2", "libtensorflow_framework.2.dylib"):
        if os.path.isfile(os.path.join(folder, name)):
            llvmlite.binding.load_library_permanently(os.path.join(folder, name))
            return ctypes.CDLL(os.path.join(folder, name))
    raise ImportError(f"no libtensorflow_framework in {folder}; expected a TensorFlow package for "
                      "Linux or macOS")


_LIBRARY = _open_library()


def _function(name: str, returns: type | None, *takes: type) -> Callable:
    return ctypes.CFUNCTYPE(returns, *takes)((name, _LIBRARY))


_address, _int, _nothing = types.intp, types.int32, types.void


def _in_kernels(name: str, returns: types.Type, *takes: types.Type) -> types.ExternalFunction:
    return types.ExternalFunction(name, returns(*takes))


new_status = _in_kernels("TF_NewStatus", _address)
get_code = _in_kernels("TF_GetCode", _int, _address)
set_status = _in_kernels("TF_SetStatus", _nothing, _address, _int, _address)
delete_status = _in_kernels("TF_DeleteStatus", _nothing, _address)

get_input = _in_kernels("TF_GetInput", _nothing, _address, _int, _address, _address)
allocate_output = _in_kernels(
    "TF_AllocateOutput", _address, _address, _int, _int, _address, _int, types.uintp, _address
)
fail = _in_kernels("TF_OpKernelContext_Failure", _nothing, _address, _address)

rank = _in_kernels("TF_NumDims", _int, _address)
dimension = _in_kernels("TF_Dim", types.int64, _address, _int)
count = _in_kernels("TF_TensorElementCount", types.int64, _address)
data = _in_kernels("TF_TensorData", types.voidptr, _address)
delete_tensor = _in_kernels("TF_DeleteTensor", _nothing, _address)

_new_status = _function("TF_NewStatus", _Address)
_get_code = _function("TF_GetCode", _Int, _Address)
_message = _function("TF_Message", _Text, _Address)
_delete_status = _function("TF_DeleteStatus", None, _Address)

new_op = _function("TF_NewOpDefinitionBuilder", _Address, _Text)
add_input = _function("TF_OpDefinitionBuilderAddInput", None, _Address, _Text)
add_output = _function("TF_OpDefinitionBuilderAddOutput", None, _Address, _Text)
set_shape_function = _function(
    "TF_OpDefinitionBuilderSetShapeInferenceFunction", None, _Address, _Address
)
unknown_shape = ctypes.cast(
    _function("TF_ShapeInferenceContextSetUnknownShape", None, _Address, _Address), _Address
)
register_op = _function("TF_RegisterOpDefinition", None, _Address, _Address)
new_kernel = _function(
    "TF_NewKernelBuilder", _Address, _Text, _Text, _Address, _Address, _Address
)
register_kernel = _function("TF_RegisterKernelBuilder", None, _Text, _Address, _Address)


def check(call: Callable[[int], None]) -> None:
    """Calls `call(status)`. Raises RuntimeError with TensorFlow's message for a bad status."""
    status = _new_status()
    try:
        call(status)
        if _get_code(status):
            raise RuntimeError(f"TensorFlow: {_message(status).decode(errors='replace')}")
    finally:
        _delete_status(status)
