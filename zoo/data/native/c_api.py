"""The part of TensorFlow's C API that an operation needs.

It is there for plug-ins: tensorflow/c/kernels.h, ops.h, tf_tensor.h, tf_status.h. Numba compiles
calls of the functions up to `delete_tensor`; an address is an integer to it. Where Numba or
TensorFlow's library cannot be had, importing this file fails.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

import numba  # noqa: F401 - not used here: without it the functions would have no use
import tensorflow as tf

INVALID_ARGUMENT = 3  # of TF_Code
FLOAT32, INT32, UINT8 = 1, 3, 4  # of TF_DataType

_Address, _Text, _Int = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_Long, _Size = ctypes.c_int64, ctypes.c_size_t


def _open_library() -> ctypes.CDLL:
    folder = tf.sysconfig.get_lib()
    for name in ("libtensorflow_framework.so.2", "libtensorflow_framework.2.dylib"):
        if os.path.isfile(os.path.join(folder, name)):
            return ctypes.CDLL(os.path.join(folder, name))
    raise ImportError(f"no libtensorflow_framework in {folder}; expected a TensorFlow package for "
                      "Linux or macOS")


_LIBRARY = _open_library()


def _function(name: str, returns: type | None, *takes: type) -> Callable:
    return ctypes.CFUNCTYPE(returns, *takes)((name, _LIBRARY))


new_status = _function("TF_NewStatus", _Address)
get_code = _function("TF_GetCode", _Int, _Address)
set_status = _function("TF_SetStatus", None, _Address, _Int, _Address)
delete_status = _function("TF_DeleteStatus", None, _Address)
message = _function("TF_Message", _Text, _Address)

get_input = _function("TF_GetInput", None, _Address, _Int, _Address, _Address)
allocate_output = _function(
    "TF_AllocateOutput", _Address, _Address, _Int, _Int, _Address, _Int, _Size, _Address
)
fail = _function("TF_OpKernelContext_Failure", None, _Address, _Address)

rank = _function("TF_NumDims", _Int, _Address)
dimension = _function("TF_Dim", _Long, _Address, _Int)
count = _function("TF_TensorElementCount", _Long, _Address)
uint8_data = _function("TF_TensorData", ctypes.POINTER(ctypes.c_uint8), _Address)
int32_data = _function("TF_TensorData", ctypes.POINTER(ctypes.c_int32), _Address)
float32_data = _function("TF_TensorData", ctypes.POINTER(ctypes.c_float), _Address)
delete_tensor = _function("TF_DeleteTensor", None, _Address)

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
    status = new_status()
    try:
        call(status)
        if get_code(status):
            raise RuntimeError(f"TensorFlow: {message(status).decode(errors='replace')}")
    finally:
        delete_status(status)
