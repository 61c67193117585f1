"""Images/s of each op, eager, in a graph, by XLA and on JAX, and of RandAugment's rivals.

    python -m tools.bench.augment --batch_size=32
    python -m tools.bench.augment --batch_size=256 --policies="flip;hsb(0.4)" --modes=xla

A round runs every contestant once, so that neighbours on the machine slow all alike; JAX's are in
a process of their own, before the others. Drawing the parameters is part of the time, in
TensorFlow for all of them. Prints Markdown: medians with minimum and maximum over the rounds, and
for RandAugment the median ratio of neighbouring runs. The first row is the floor: an image read
and written once, at the bandwidth of adding to a batch in place.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
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
MODES = ("eager", "graph", "xla", "jax")
INSTALLED = [mode for mode in MODES if mode != "jax" or importlib.util.find_spec("jax")]

POLICIES = flags.DEFINE_string(
    "policies", "", "policies joined by semicolons; by default each op and one of several"
)
RIVALS = flags.DEFINE_boolean("rivals", True, "RandAugment of KerasCV and Keras too")
MODE = flags.DEFINE_list("modes", INSTALLED, f"some of {', '.join(MODES)}; jax where it is there")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "images a batch", lower_bound=1)
IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "side of the images, pixels", lower_bound=8)
ROUNDS = flags.DEFINE_integer("rounds", 5, "timed rounds", lower_bound=1)


def main() -> None:
    specs = chosen_specs()
    on_jax = {}
    if "jax" in MODE.value and os.environ.get("KERAS_BACKEND") != "jax":
        on_jax = cells_on_jax(specs)
    import_tensorflow()
    import tensorflow as tf

    generator = tf.random.Generator.from_seed(0)
    shape = [BATCH_SIZE.value, IMAGE_SIZE.value, IMAGE_SIZE.value, 3]
    images = tf.cast(generator.uniform(shape, 0, 256, tf.int32), tf.float32)
    labels = tf.one_hot(generator.uniform([BATCH_SIZE.value], 0, 1000, tf.int32), 1000)
    print(f"{BATCH_SIZE.value} x {IMAGE_SIZE.value} x {IMAGE_SIZE.value} x 3, images/s, "
          f"{ROUNDS.value} rounds\n\n| policy | {' | '.join(MODE.value)} |\n"
          f"| --- |{' --- |' * len(MODE.value)}", flush=True)
    floor = floor_rates(tf, images)
    print(f"| floor |{f' {spread(floor)} |' * len(MODE.value)}", flush=True)
    for spec in specs:
        cells = timed({
            mode: policy_run(tf, spec, mode, images, labels)
            for mode in MODE.value if (spec, mode) not in on_jax
        })
        cells = {mode: spread(rates) for mode, rates in cells.items()}
        row = [on_jax.get((spec, mode)) or cells[mode] for mode in MODE.value]
        print(f"| {as_cell(spec)} | {' | '.join(row)} |", flush=True)
    if RIVALS.value:
        print_rivals(tf, images, labels)


def chosen_specs() -> list[str]:
    for mode in MODE.value:
        if mode not in INSTALLED:
            raise ValueError(f"--modes: got {mode!r}; expected some of {INSTALLED}")
    if POLICIES.value:
        specs = [spec.strip() for spec in POLICIES.value.split(";")]
    else:
        specs = [name + ARGUMENTS.get(name, "") for name in list_ops()]
        specs.append("flip|hsb(0.4)|lighting(0.1)|mixup(0.2)")
    for spec in specs:
        check_policy(spec)
    return specs


def cells_on_jax(specs: list[str]) -> dict[tuple[str, str], str]:
    """The cells of this tool's own table, run on Keras' JAX backend, by (policy, "jax")."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.bench.augment", "--modes=jax", "--norivals",
         f"--policies={';'.join(specs)}", f"--batch_size={BATCH_SIZE.value}",
         f"--image_size={IMAGE_SIZE.value}", f"--rounds={ROUNDS.value}"],
        env={**os.environ, "KERAS_BACKEND": "jax"}, stdout=subprocess.PIPE, text=True, check=True,
    )
    rows = done.stdout.splitlines()[-len(specs):]
    return {
        (spec, "jax"): row.removesuffix(" |").rpartition(" | ")[2]
        for spec, row in zip(specs, rows, strict=True)
    }


def floor_rates(tf, images) -> list[float]:
    """Images/s, by rounds: two passes over the memory, of the three of a sum in place."""
    total = tf.Variable(images)
    rates = timed({"floor": lambda: total.assign_add(images)[0, 0, 0].numpy()})["floor"]
    return [rate * 3 / 2 for rate in rates]


def policy_run(tf, spec: str, mode: str, images, labels):
    """A function that draws and applies the policy once, as the training step does."""
    from zoo.augment import parse_policy

    policy = parse_policy(spec)
    if mode == "jax":
        return jax_run(tf, policy, images, labels)
    step = policy
    if mode != "eager":
        apply = tf.function(policy.apply, jit_compile=mode == "xla", autograph=False)
        step = tf.function(
            lambda images, labels, seed: policy.apply_ops(
                *policy.apply_layers(images, labels, seed), seed, apply
            ), autograph=False,
        )
    count = iter(range(2**31))
    return lambda: step(images, labels, tf.constant([0, next(count)]))[0][0, 0, 0].numpy()


def jax_run(tf, policy, images, labels):
    import jax

    apply = jax.jit(policy.apply)
    sample = tf.function(
        lambda seed: policy.sample(seed, BATCH_SIZE.value, IMAGE_SIZE.value), autograph=False
    )
    images, labels = jax.numpy.asarray(images.numpy()), jax.numpy.asarray(labels.numpy())
    count = iter(range(2**31))

    def run():
        drawn = sample(tf.constant([0, next(count)]))
        drawn = tf.nest.map_structure(lambda part: part.numpy(), drawn)
        return apply(images, labels, drawn)[0].block_until_ready()

    return run


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


def as_cell(spec: str) -> str:
    """Markdown splits cells at bars, in code too."""
    return "`" + spec.replace("|", r"\|") + "`"


def spread(rates) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"


if __name__ == "__main__":
    run_tool(main, __doc__)
