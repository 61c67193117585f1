"""Images/s of each op and of RandAugment beside KerasCV's and Keras', in one process.

    python -m tools.bench_augment --batch_size=32
    python -m tools.bench_augment --batch_size=256 --policies="flip;hsb(0.4)" --modes=xla

A round runs every contestant once, so that neighbours on the machine slow all alike. Drawing the
parameters is part of the time. Prints Markdown: medians with minimum and maximum over the rounds,
and for RandAugment the median ratio of neighbouring runs.
"""

import statistics
import time

from absl import flags

from zoo.augment import check_policy, list_ops
from zoo.cli import import_tensorflow, run_tool

# Ops without defaults want arguments; all others are timed as they are.
ARGUMENTS = {
    "pad_crop": "(4)", "rotate": "(30)", "translate": "(0.1, 0.1)", "shear": "(0.3)",
    "zoom": "(0.8, 1.25)", "brightness": "(0.4)", "contrast": "(0.4)", "saturation": "(0.4)",
    "hue": "(0.1)", "hsb": "(0.4)", "jitter": "(0.4, 0.4, 0.4, 0.1)", "lighting": "(0.1)",
    "grey": "(0.2)", "noise": "(20)", "blur": "(2.0)", "sharpness": "(0.9)", "cutout": "(16)",
    "mixup": "(0.2)",
}
MODES = ("eager", "graph", "xla")

POLICIES = flags.DEFINE_string(
    "policies", "", "policies joined by semicolons; by default each op and one of several"
)
RIVALS = flags.DEFINE_boolean("rivals", True, "RandAugment of KerasCV and Keras too")
MODE = flags.DEFINE_list("modes", list(MODES), f"some of {', '.join(MODES)}")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "images a batch", lower_bound=1)
IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "side of the images, pixels", lower_bound=8)
ROUNDS = flags.DEFINE_integer("rounds", 5, "timed rounds", lower_bound=1)


def main() -> None:
    specs = chosen_specs()
    import_tensorflow()
    import tensorflow as tf

    generator = tf.random.Generator.from_seed(0)
    shape = [BATCH_SIZE.value, IMAGE_SIZE.value, IMAGE_SIZE.value, 3]
    images = tf.cast(generator.uniform(shape, 0, 256, tf.int32), tf.float32)
    labels = tf.one_hot(generator.uniform([BATCH_SIZE.value], 0, 1000, tf.int32), 1000)
    print(f"{BATCH_SIZE.value} x {IMAGE_SIZE.value} x {IMAGE_SIZE.value} x 3, images/s, "
          f"{ROUNDS.value} rounds\n\n| policy | {' | '.join(MODE.value)} |\n"
          f"| --- |{' --- |' * len(MODE.value)}", flush=True)
    for spec in specs:
        rates = timed({mode: policy_run(tf, spec, mode, images, labels) for mode in MODE.value})
        print(f"| `{spec}` | {' | '.join(map(spread, rates.values()))} |", flush=True)
    if RIVALS.value:
        print_rivals(tf, images, labels)


def chosen_specs() -> list[str]:
    for mode in MODE.value:
        if mode not in MODES:
            raise ValueError(f"--modes: got {mode!r}; expected some of {list(MODES)}")
    if POLICIES.value:
        specs = [spec.strip() for spec in POLICIES.value.split(";")]
    else:
        specs = [name + ARGUMENTS.get(name, "") for name in list_ops()]
        specs.append("flip|hsb(0.4)|lighting(0.1)|mixup(0.2)")
    for spec in specs:
        check_policy(spec)
    return specs


def policy_run(tf, spec: str, mode: str, images, labels):
    """A function that draws and applies the policy once, as the training step does."""
    from zoo.augment import parse_policy

    policy = parse_policy(spec)
    apply = policy.apply
    if mode != "eager":
        apply = tf.function(apply, jit_compile=mode == "xla", autograph=False)

    def step(images, labels, seed):
        images, labels = policy.apply_layers(images, labels, seed)
        drawn = policy.sample(seed, images.shape[0], images.shape[1])
        return apply(images, labels, drawn)[0]

    if mode != "eager":
        step = tf.function(step, autograph=False)
    count = iter(range(2**31))
    return lambda: step(images, labels, tf.constant([0, next(count)]))[0, 0, 0].numpy()


def print_rivals(tf, images, labels) -> None:
    import keras
    import keras_cv

    layers = {
        "KerasCV": keras_cv.layers.RandAugment(value_range=(0, 255), augmentations_per_image=2,
                                               magnitude=0.9),
        "Keras": keras.layers.RandAugment(num_ops=2, factor=0.9),
    }
    runs = {"zoo": policy_run(tf, "rand_augment(2, 9)", "xla", images, labels)}
    for name, layer in layers.items():
        graph = tf.function(lambda images, layer=layer: layer(images, training=True))
        runs[name] = lambda graph=graph: graph(images)[0, 0, 0].numpy()
    rates = timed(runs)
    print("\n| RandAugment(2, 9) | images/s | zoo's over it |\n| --- | --- | --- |")
    for name, values in rates.items():
        ratio = statistics.median(a / b for a, b in zip(rates["zoo"], values, strict=True))
        print(f"| {name}{' (XLA)' if name == 'zoo' else ' (graph)'} | {spread(values)} | "
              f"{ratio:.1f} |", flush=True)


def timed(runs: dict) -> dict[str, list[float]]:
    """Images/s of each function, by rounds; compiled and warmed up before."""
    for run in runs.values():
        run()
        run()
    rates = {name: [] for name in runs}
    for _ in range(ROUNDS.value):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            rates[name].append(BATCH_SIZE.value / (time.perf_counter() - started))
    return rates


def spread(rates) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"


if __name__ == "__main__":
    run_tool(main, __doc__)
