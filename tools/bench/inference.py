"""Inference images/s of a model of the zoo as `zoo.for_inference` makes it, on a GPU or a CPU.

    python -m tools.bench.inference --model=resnet50d --precision=bfloat16 --batch_size=256

The images lie on the device and compilation is done before the clock starts. Prints a line:
median, minimum and maximum of the rounds. Its peer is tools/bench/timm_inference.py.
"""

import statistics
import time

from absl import flags

from zoo.cli import import_tensorflow, run_tool

MODEL = flags.DEFINE_string("model", "resnet50d", "architecture")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "side of the images, pixels", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "images a call", lower_bound=1)
PRECISION = flags.DEFINE_enum(
    "precision", "bfloat16", ["float32", "bfloat16", "float16"], "of layers and weights"
)
XLA = flags.DEFINE_enum("xla", "on", ["on", "off"], "compile with XLA")
CALLS = flags.DEFINE_integer("calls", 20, "calls a round", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 3, "timed rounds", lower_bound=1)


def main() -> None:
    import_tensorflow()
    import tensorflow as tf

    import zoo

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    side, batch = IMAGE_SIZE.value, BATCH_SIZE.value
    model = zoo.create_model(MODEL.value, num_classes=1000, input_shape=(side, side, 3))
    model = zoo.for_inference(model, dtype=PRECISION.value)
    predict = tf.function(
        lambda images: model(images, training=False), jit_compile=XLA.value == "on" or None,
        autograph=False,
    )
    images = tf.random.Generator.from_seed(0).normal([batch, side, side, 3])
    started = time.perf_counter()
    predict(images).numpy()
    first, seconds = time.perf_counter() - started, []
    for _ in range(ROUNDS.value):
        started = time.perf_counter()
        for _ in range(CALLS.value):
            logits = predict(images)
        logits.numpy()
        seconds.append((time.perf_counter() - started) / CALLS.value)
    rates = [batch / value for value in seconds]
    print(f"{MODEL.value}, {batch}x{side}x{side}, {PRECISION.value}, XLA {XLA.value}: "
          f"{statistics.median(rates):.0f} images/s ({min(rates):.0f}-{max(rates):.0f}), first "
          f"call {first:.1f} s", flush=True)


if __name__ == "__main__":
    run_tool(main, __doc__)
