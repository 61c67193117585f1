"""What a policy costs in a training step: the zoo's step with it and without, in turn.

    python -m tools.bench.augment_step --model=resnet50d --batch_size=64 --precision=mixed_bfloat16

Both train the same weights, on the same batch of random images in memory, in one process;
compilation is done before the clock starts. Prints a Markdown row: medians with minimum and
maximum over the rounds, and the median of what the policy adds to the step beside it, in percent.
"""

import statistics
import time

from absl import flags

from zoo.augment import check_policy
from zoo.cli import import_tensorflow, run_tool
from zoo.models import check_model
from zoo.recipe.checks import PRECISIONS, XLA_MODES

MODEL = flags.DEFINE_string("model", "resnet50d", "architecture")
POLICY = flags.DEFINE_string(
    "policy", "flip|hsb(0.4)|lighting(0.1)|mixup(0.2)",
    "as a recipe's --augment; by default the operations of the Bag of Tricks",
)
IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "side of the images, pixels", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "images a step", lower_bound=1)
PRECISION = flags.DEFINE_enum("precision", "float32", PRECISIONS, "Keras dtype policy")
XLA = flags.DEFINE_enum("xla", "auto", XLA_MODES, "compile the step; auto: on GPUs")
STEPS = flags.DEFINE_integer("steps", 2, "training steps a round", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 7, "timed rounds of each", lower_bound=1)


def main() -> None:
    if not POLICY.value:
        raise ValueError("--policy: got ''; expected a policy to compare with none")
    check_policy(POLICY.value)
    check_model(MODEL.value)
    import_tensorflow()
    import tensorflow as tf

    with_policy, without = training_rounds(tf, [POLICY.value, ""])
    seconds = {with_policy: [], without: []}
    for run in seconds:
        run()
        run()
    for turn in range(ROUNDS.value):
        # Who comes first changes, or a machine that slows down would favour one of them.
        for run in (with_policy, without)[::(-1) ** turn]:
            started = time.perf_counter()
            run()
            seconds[run].append((time.perf_counter() - started) / STEPS.value)
    added = [
        100 * (mine / plain - 1)
        for mine, plain in zip(seconds[with_policy], seconds[without], strict=True)
    ]
    side, cell = IMAGE_SIZE.value, "`" + POLICY.value.replace("|", r"\|") + "`"
    print(f"{MODEL.value}, {BATCH_SIZE.value} x {side} x {side} x 3, {PRECISION.value}, "
          f"{ROUNDS.value} rounds of {STEPS.value} steps\n\n"
          "| policy | ms a step with it | without | added, % |\n| --- | --- | --- | --- |\n"
          f"| {cell} | {spread(seconds[with_policy], 1000)} | "
          f"{spread(seconds[without], 1000)} | {spread(added)} |")


def training_rounds(tf, specs: list[str]) -> list:
    """For each policy a function that trains --steps steps, of the same model and state."""
    import zoo
    from zoo.augment import parse_policy
    from zoo.core import runtime
    from zoo.core.batch_norm import with_fused_batch_norm
    from zoo.core.distribute import distributed
    from zoo.core.gradients import Settings
    from zoo.core.optimizer import make_optimizer
    from zoo.core.schedule import make_schedule
    from zoo.core.state import make_state
    from zoo.core.step import make_train_call

    runtime.configure(precision=PRECISION.value, virtual_devices=1, deterministic=False, seed=0)
    strategy = runtime.make_strategy()
    side, batch = IMAGE_SIZE.value, BATCH_SIZE.value
    model = with_fused_batch_norm(
        zoo.create_model(MODEL.value, num_classes=1000, input_shape=(side, side, 3))
    )
    settings = Settings(
        num_classes=1000, mean=(123.68, 116.779, 103.939), std=(58.393, 57.12, 57.375),
        label_smoothing=0.1, batch_size=batch, seed=0,
        scales_loss=PRECISION.value == "mixed_float16", jit_compile=runtime.uses_xla(XLA.value),
    )
    optimizer = make_optimizer("nesterov(0.9)", weight_decay=1e-4)
    state = make_state(
        model, strategy, scales_loss=settings.scales_loss, slots=optimizer.slots
    )
    generator = tf.random.Generator.from_seed(0)
    images = tf.cast(generator.uniform([batch, side, side, 3], 0, 256, tf.int32), tf.uint8)
    labels = generator.uniform([batch], 0, 1000, tf.int32)
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat()
    iterator = distributed(strategy, batches)
    steps = tf.constant(STEPS.value, tf.int64)
    calls = [
        make_train_call(
            strategy, model, state, parse_policy(spec),
            make_schedule("cosine", peak=0.01, steps_per_epoch=1000, epochs=1, warmup_epochs=0),
            optimizer, settings,
        ) for spec in specs
    ]
    return [lambda call=call: call(iterator, steps).numpy() for call in calls]


def spread(values, factor: float = 1) -> str:
    values = [factor * value for value in values]
    return f"{statistics.median(values):,.1f} ({min(values):,.1f}-{max(values):,.1f})"


if __name__ == "__main__":
    run_tool(main, __doc__)
