"""Training images/s: the zoo's step beside the one of Keras' Model.fit, in turn, in one process.

    python -m tools.bench.step --model=resnet50 --batch_size=16 --precision=mixed_bfloat16

The same network, batch of random images in memory, NAG and precision under a MirroredStrategy of
one device; compilation is done before the clock starts. Prints a Markdown row: medians with
minimum and maximum over the rounds, and the median ratio of neighbouring rounds.
"""

import statistics
import time

from absl import flags

from zoo.cli import import_tensorflow, run_tool
from zoo.recipe.checks import PRECISIONS

MODEL = flags.DEFINE_string("model", "resnet50", "architecture")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "side of the images, pixels", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "images a step", lower_bound=1)
PRECISION = flags.DEFINE_enum("precision", "float32", PRECISIONS, "Keras dtype policy")
XLA = flags.DEFINE_enum("xla", "off", ["on", "off"], "compile both with XLA")
STEPS = flags.DEFINE_integer("steps", 4, "training steps a round", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 5, "timed rounds of each", lower_bound=1)


def main() -> None:
    import_tensorflow()
    import keras
    import tensorflow as tf

    from zoo.core import runtime

    runtime.configure(precision=PRECISION.value, virtual_devices=1, deterministic=False, seed=0)
    strategy = runtime.make_strategy()
    side, batch, steps = IMAGE_SIZE.value, BATCH_SIZE.value, STEPS.value
    generator = tf.random.Generator.from_seed(0)
    images = tf.cast(generator.uniform([batch, side, side, 3], 0, 256, tf.int32), tf.uint8)
    labels = generator.uniform([batch], 0, 1000, tf.int32)
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat()
    contestants = {
        "zoo": zoo_rounds(tf, strategy, batches), "fit": fit_rounds(keras, strategy, batches),
    }
    seconds = {name: [] for name in contestants}
    for run in contestants.values():
        run()
    for _ in range(ROUNDS.value):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    rates = {name: [batch * steps / value for value in values] for name, values in seconds.items()}
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(rates["zoo"], rates["fit"], strict=True)
    )
    print("| model | images | precision | XLA | zoo, images/s | Model.fit, images/s | ratio |\n"
          "| --- | --- | --- | --- | --- | --- | --- |\n"
          f"| {MODEL.value} | {batch}x{side}x{side} | {PRECISION.value} | {XLA.value} | "
          f"{spread(rates['zoo'])} | {spread(rates['fit'])} | {ratio:.2f} |")


def zoo_rounds(tf, strategy, batches):
    """A function that trains --steps steps with the zoo's trainer."""
    import zoo
    from zoo.augment import parse_policy
    from zoo.core.batch_norm import with_fused_batch_norm
    from zoo.core.distribute import distributed
    from zoo.core.gradients import Settings
    from zoo.core.optimizer import make_optimizer
    from zoo.core.schedule import make_schedule
    from zoo.core.state import make_state
    from zoo.core.step import make_train_call

    scales_loss = PRECISION.value == "mixed_float16"
    model = with_fused_batch_norm(zoo.create_model(
        MODEL.value, num_classes=1000, input_shape=(IMAGE_SIZE.value, IMAGE_SIZE.value, 3)
    ))
    optimizer = make_optimizer("nesterov(0.9)", weight_decay=1e-4)
    state = make_state(model, strategy, scales_loss=scales_loss, slots=optimizer.slots)
    train_call = make_train_call(
        strategy, model, state, parse_policy(""),
        make_schedule("cosine", peak=0.01, steps_per_epoch=1000, epochs=1, warmup_epochs=0),
        optimizer,
        Settings(
            num_classes=1000, mean=(123.68, 116.779, 103.939), std=(58.393, 57.12, 57.375),
            label_smoothing=0.1, batch_size=BATCH_SIZE.value, seed=0, scales_loss=scales_loss,
            jit_compile=XLA.value == "on",
        ),
    )
    iterator = distributed(strategy, batches)
    steps = tf.constant(STEPS.value, tf.int64)
    return lambda: train_call(iterator, steps).numpy()


def fit_rounds(keras, strategy, batches):
    """A function that trains --steps steps with Model.fit, all in one execution."""
    import zoo

    with strategy.scope():
        model = zoo.create_model(
            MODEL.value, num_classes=1000, input_shape=(IMAGE_SIZE.value, IMAGE_SIZE.value, 3)
        )
        model.compile(
            keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"], jit_compile=XLA.value == "on",
            steps_per_execution=STEPS.value,
        )
    normalised = batches.map(lambda images, labels: ((keras.ops.cast(images, "float32") - 116) / 58,
                                                     labels)).take(1).cache().repeat()
    return lambda: model.fit(normalised, steps_per_epoch=STEPS.value, shuffle=False, verbose=0)


def spread(rates) -> str:
    return f"{statistics.median(rates):.1f} ({min(rates):.1f}-{max(rates):.1f})"


if __name__ == "__main__":
    run_tool(main, __doc__)
