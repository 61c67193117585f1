"""Pictures that are tensors -> a network's input: in tf.data, tf.function, layers and Keras graphs.

Their values are not known while a graph is built, so TensorFlow checks the levels of float tensors
when it runs; those of other backends, and what Keras' own operations normalise in a functional
model, are not checked. TensorFlow's operations resize, in `tf.data` also beside another backend.
XLA cannot compile that: models with `ResizeAndCrop` tell Keras so. Tensors of other backends, as in
JAX's jit, are resized by matrices, for which their height and width have to be known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")
keras = lazy_module("keras")
Image = lazy_module("PIL.Image")
matrix_resizing = lazy_module("zoo.weights.matrix_resizing")
resize_layer = lazy_module("zoo.weights.resize_layer")
tensor_resizing = lazy_module("zoo.weights.tensor_resizing")

if TYPE_CHECKING:
    from zoo.weights.preprocessing import Preprocessing


def is_tensor(images: object) -> bool:
    """True for a tensor of TensorFlow, of Keras' backend, or of a functional model."""
    if isinstance(images, (np.ndarray, Image.Image, list, tuple)):
        return False
    return (
        isinstance(images, keras.KerasTensor) or keras.ops.is_tensor(images)
        or _of_tensorflow(images)
    )


def is_symbolic(images: object) -> bool:
    """True for a tensor whose values are not known yet.

    Raises:
      ValueError: a list of such tensors.
    """
    if isinstance(images, (list, tuple)):
        if any(is_symbolic(image) for image in images):
            raise ValueError(
                "got a list of symbolic tensors; expected one tensor: stack those of one size"
            )
        return False
    if not is_tensor(images):
        return False
    if isinstance(images, keras.KerasTensor):
        return True
    if _of_tensorflow(images):
        return not hasattr(images, "numpy")
    return type(images).__name__.endswith("Tracer")  # of JAX


def as_tensor(array: np.ndarray, like: keras.KerasTensor) -> keras.KerasTensor:
    """`array` as a tensor of the library of `like`."""
    return (tf if _of_tensorflow(like) else keras.ops).convert_to_tensor(array)


def preprocess(images: keras.KerasTensor, known: Preprocessing, size: tuple[int, int] | None):
    """As `zoo.weights.preprocessing.preprocess_input`: a tensor float32 [B, *size, C].

    images: uint8 or float [H, W], [H, W, C] or [B, H, W, C]; B, H and W may be unknown.
    size: None leaves out resizing and cropping.

    Raises:
      ValueError: another or an unknown shape, number of channels or type.
      tf.errors.InvalidArgumentError: when it runs, float pictures that are no levels of 0..255.
    """
    ops = tf if _of_tensorflow(images) else keras.ops
    dtype = keras.backend.standardize_dtype(images.dtype)
    if dtype != "uint8" and not keras.backend.is_float_dtype(dtype):
        raise ValueError(f"got pictures of type {dtype}; expected uint8 or a float")
    if dtype != "uint8" and ops is tf:
        images = tensor_resizing.with_checked_levels(images)
    channels = len(known.mean)
    images = _as_batch(images, channels, ops)
    if images.shape[-1] != channels:
        if (images.shape[-1], channels) != (1, 3):
            raise ValueError(f"got a picture of {images.shape[-1]} channels; expected {channels}, "
                             "as the network has")
        images = ops.repeat(images, channels, axis=-1)
    if size:
        images = _resized(images, known, size)
    levels = ops.cast(images, "float32")
    return (levels - np.float32(known.mean)) / np.float32(known.std)


def _as_batch(images, channels: int, ops):
    """[H, W], [H, W, C] or [B, H, W, C] -> [B, H, W, C], C 1, 3 or `channels`."""
    shape = images.shape
    if getattr(shape, "rank", 0) is None:
        raise ValueError(
            "got pictures of unknown shape; expected [height, width, 3] or [batch, height, width, "
            "3]: pictures.set_shape([None, None, 3]) says so"
        )
    if len(shape) == 2:
        images = images[:, :, None]
    if len(shape) in (2, 3):
        images = images[None]
    if len(images.shape) != 4 or images.shape[-1] not in (1, 3, channels) \
            or 0 in images.shape[1:]:
        raise ValueError(
            f"got pictures of shape {tuple(shape)}; expected [batch, height, width, channels], "
            f"[height, width, channels] or [height, width] of 1 or {channels} channels"
        )
    return images


def _resized(images, known: Preprocessing, size: tuple[int, int]):
    arguments = size, known.resized(size), known.resizing
    if _of_tensorflow(images):
        return tensor_resizing.resize_and_crop(images, *arguments)
    if keras.backend.backend() != "tensorflow":
        return matrix_resizing.resize_and_crop(images, *arguments)
    return resize_layer.ResizeAndCrop(*arguments)(images)


def _of_tensorflow(images: object) -> bool:
    # Not tf.is_tensor: on Keras' other backends TensorFlow may not be installed.
    return type(images).__module__.partition(".")[0] == "tensorflow"
