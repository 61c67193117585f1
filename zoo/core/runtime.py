"""Process-wide settings: devices, precision, threads, determinism. Call once, first."""

from __future__ import annotations

import keras
import tensorflow as tf


def configure(*, precision: str, virtual_devices: int, deterministic: bool, seed: int) -> None:
    """Sets Keras' dtype policy and random seed, and how TensorFlow uses the machine.

    Raises ValueError where Keras runs on another backend, where virtual devices are asked for
    beside real accelerators, or where TensorFlow has already started with other devices.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"got KERAS_BACKEND={keras.backend.backend()!r}; training expects 'tensorflow'"
        )
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    _split_cpu(virtual_devices)
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def uses_xla(mode: str, *, deterministic: bool = False) -> bool:
    """Whether the step is compiled: "on", "off", or "auto": on GPUs, unless `deterministic`.

    TensorFlow refuses XLA's gradient of max pooling under op determinism, on every device.

    On CPUs XLA's convolutions are Eigen's, two to three times slower in training than oneDNN's,
    which the graph executor uses (docs/measurements/training_speed.md).
    """
    if mode == "auto":
        return bool(tf.config.list_logical_devices("GPU")) and not deterministic
    return mode == "on"


def make_strategy(devices: list[str] | None = None) -> tf.distribute.MirroredStrategy:
    """One replica on each of `devices`; by default on each GPU, or where there is none on each
    logical CPU device."""
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    if devices is None:
        devices = [device.name for device in tf.config.list_logical_devices(kind)]
    # On CPUs not the default, collective operations: their keys belong to the process, so that
    # a second strategy in it meets the shapes of the first ("Shape mismatch in the collective").
    reduction = tf.distribute.ReductionToOneDevice() if kind == "CPU" else None
    return tf.distribute.MirroredStrategy(devices, cross_device_ops=reduction)


def _split_cpu(count: int) -> None:
    if count == 1:
        return
    if tf.config.list_physical_devices("GPU"):
        raise ValueError(
            f"--virtual_devices: got {count} on a machine with GPUs; expected 1 (each GPU is a "
            "replica), or CUDA_VISIBLE_DEVICES=-1 in the environment to train on the CPU"
        )
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        )
    except RuntimeError:
        if len(tf.config.list_logical_devices("CPU")) != count:
            raise ValueError(
                f"--virtual_devices: got {count}, but TensorFlow has already started with "
                f"{len(tf.config.list_logical_devices('CPU'))}; expected a new process"
            ) from None
