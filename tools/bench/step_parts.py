"""Where the time of a training step goes: the whole call, and its two compiled halves alone.

    python -m tools.bench.step_parts --model=resnet50d --precision=mixed_bfloat16 --batch_size=256

The images lie on the device, as with --data_on_device; compilation is done before the clock
starts. Prints a line each: median, minimum and maximum of the rounds, and the peak of a GPU's
memory. docs/measurements/gpu.md has what came of it beside timm (tools/bench/timm_step.py).
"""

import statistics
import time

from absl import flags

from zoo.cli import import_tensorflow, run_tool
from zoo.recipe.checks import PRECISIONS

MODEL = flags.DEFINE_string("model", "resnet50d", "architecture")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "side of the images, pixels", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "images a step", lower_bound=1)
PRECISION = flags.DEFINE_enum("precision", "mixed_bfloat16", PRECISIONS, "Keras dtype policy")
XLA = flags.DEFINE_enum("xla", "on", ["on", "off"], "compile the step with XLA")
AUGMENT = flags.DEFINE_string("augment", "", "operations, as a recipe's --augment names them")
STEPS = flags.DEFINE_integer("steps", 10, "training steps a round", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 3, "timed rounds of each", lower_bound=1)


def main() -> None:
    import_tensorflow()
    import tensorflow as tf

    from zoo.core import runtime

    runtime.configure(precision=PRECISION.value, virtual_devices=1, deterministic=False, seed=0)
    model, state, policy, optimizer, settings, strategy = parts()
    side, batch = IMAGE_SIZE.value, BATCH_SIZE.value
    generator = tf.random.Generator.from_seed(0)
    images = tf.cast(generator.uniform([batch, side, side, 3], 0, 256, tf.int32), tf.uint8)
    labels = generator.uniform([batch], 0, 1000, tf.int64)
    started = time.perf_counter()
    call = whole_call(strategy, model, state, policy, optimizer, settings, images, labels)
    call(1)
    print(f"{MODEL.value}, {batch}x{side}x{side}, {PRECISION.value}, XLA {XLA.value}: first call "
          f"{time.perf_counter() - started:.0f} s", flush=True)
    timed("whole call", call)
    gradients, update = halves(model, state, optimizer, settings, images, labels)
    timed("gradients alone", gradients)
    timed("update alone", update)
    if tf.config.list_physical_devices("GPU"):
        peak = tf.config.experimental.get_memory_info("GPU:0")["peak"]
        print(f"  peak memory: {peak / 2**30:.1f} GiB")


def parts():
    """Model, state, policy, optimizer, settings and strategy."""
    import zoo
    from zoo.augment import parse_policy
    from zoo.core import runtime
    from zoo.core.batch_norm import with_fused_batch_norm
    from zoo.core.gradients import Settings
    from zoo.core.optimizer import make_optimizer
    from zoo.core.state import make_state

    scales_loss = PRECISION.value == "mixed_float16"
    strategy = runtime.make_strategy()
    model = with_fused_batch_norm(zoo.create_model(
        MODEL.value, num_classes=1000, input_shape=(IMAGE_SIZE.value, IMAGE_SIZE.value, 3)
    ))
    optimizer = make_optimizer("nesterov(0.9)", weight_decay=1e-4)
    state = make_state(model, strategy, scales_loss=scales_loss, slots=optimizer.slots)
    settings = Settings(
        num_classes=1000, mean=(123.68, 116.779, 103.939), std=(58.393, 57.12, 57.375),
        label_smoothing=0.1, batch_size=BATCH_SIZE.value, seed=0, scales_loss=scales_loss,
        jit_compile=XLA.value == "on",
    )
    return model, state, parse_policy(AUGMENT.value), optimizer, settings, strategy


def whole_call(strategy, model, state, policy, optimizer, settings, images, labels):
    """A function that trains so many steps, as a run does."""
    import tensorflow as tf

    from zoo.core.distribute import distributed
    from zoo.core.step import make_train_call

    call = make_train_call(
        strategy, model, state, policy, schedule_of(), optimizer, settings,
        pick=lambda _: (images, labels),
    )
    nothing = tf.data.Dataset.from_tensors((tf.zeros([1]),)).repeat()
    iterator = distributed(strategy, nothing)
    return lambda steps: call(iterator, tf.constant(steps, tf.int64)).numpy()


def schedule_of():
    from zoo.core.schedule import make_schedule

    return make_schedule("cosine", peak=0.01, steps_per_epoch=1000, epochs=1, warmup_epochs=0)


def halves(model, state, optimizer, settings, images, labels):
    """Two functions that run the gradients, and the update, so many times."""
    import tensorflow as tf

    from zoo.core.gradients import make_differentiate
    from zoo.core.step import compiled, make_apply_update

    differentiate = compiled(make_differentiate(model, settings), settings)
    apply_update = compiled(
        make_apply_update(schedule_of(), optimizer, None, settings, replicas=1), settings
    )
    values = state.read()
    batch = {"images": tf.cast(images, tf.float32), "labels": tf.one_hot(labels, 1000)}
    replica = tf.constant(0, tf.int64)

    def gradients(times):
        for _ in range(times):
            results = differentiate(
                values["weights"], values["statistics"], batch, values["step"], replica,
                values["loss_scale"],
            )
        results[0].numpy()
        return results

    _, slopes, statistics_now = gradients(1)

    def update(times):
        for _ in range(times):
            _, norm = apply_update(values, slopes, statistics_now)
        norm.numpy()

    return gradients, update


def timed(name: str, run) -> None:
    run(1)
    seconds = []
    for _ in range(ROUNDS.value):
        started = time.perf_counter()
        run(STEPS.value)
        seconds.append((time.perf_counter() - started) / STEPS.value)
    median = statistics.median(seconds)
    print(f"  {name}: {1e3 * median:.2f} ms ({1e3 * min(seconds):.2f}-{1e3 * max(seconds):.2f}), "
          f"{BATCH_SIZE.value / median:.0f} images/s", flush=True)


if __name__ == "__main__":
    run_tool(main, __doc__)
