"""Trains three steps with each training option alone and with pairs of them: do they go together?

    python -m tools.bench.option_pairs                           each alone
    python -m tools.bench.option_pairs --pairs=100 --seed=1      and 100 pairs, drawn at random
    python -m tools.bench.option_pairs --pairs=100 --devices=2 --precision=mixed_float16

Small networks on synthetic images, in one process. A line a combination: the loss, or the one line
that refused it at the start. Exit code 1 where one crashed or its loss was not finite.
"""

import itertools
import json
import random
import tempfile
import time
import traceback
from pathlib import Path

from absl import flags

from zoo import cli
from zoo.cli import import_tensorflow, run_tool
from zoo.recipe import Recipe
from zoo.recipe.checks import PRECISIONS

PAIRS = flags.DEFINE_integer("pairs", 0, "how many, of all pairs", lower_bound=0)
ALONE = flags.DEFINE_boolean("alone", True, "each option alone, too")
ONLY = flags.DEFINE_list("only", [], "some of the options; empty: all")
SEED = flags.DEFINE_integer("seed", 0, "of the choice of pairs")
DEVICES = flags.DEFINE_integer("devices", 1, "parts that the CPU is split into", lower_bound=1)
PRECISION = flags.DEFINE_enum("precision", "float32", PRECISIONS, "of the training")

BASE = [
    "--name=options", "--model=lenet5", "--data=synthetic:size=32,classes=4,count=48,channels=1",
    "--channels=1", "--mean=128", "--std=64", "--image_size=32", "--eval_resize=32",
    "--crop_area=1,1", "--augment=", "--batch_size=16", "--base_batch_size=16", "--epochs=1",
    "--learning_rate=0.01", "--schedule=cosine", "--export=false",
]
RESNET = ["--model=resnet18", "--model_options=width=0.125"]
OPTIONS = {
    **{name: [f"--optimizer={name}"] for name in (
        "sgd", "momentum", "adam", "adamw", "nadamw(cautious=True)", "adagrad",
        "rmsprop(initial=1)", "lars", "lamb", "lion", "muon", "schedule_free_adamw")},
    **{f"decay {name}": [f"--{name}"] for name in (
        "weight_decay=0", "bias_decay", "decoupled_decay", "l1_penalty=1e-5")},
    **{name: [f"--{name}"] for name in (
        "clip_norm=1", "clip_value=0.1", "micro_batches=2", "data_on_device", "averaging=ema(0.9)",
        "averaging=swa(1)", "patience=1", "class_weights=balanced", "label_smoothing=0.1",
        "warmup_epochs=0.5", "xla=on", "evaluate_every=2", "checkpoint_every=1", "aug_repeats=2",
        "group_decay=norm=0", "head_bias=prior", "noise_scale")},
    "final augmentation": ["--final_epochs=0.4", "--final_augment=mixup(0.2)"],
    "class_weights": ["--class_weights=1,2,0,1"],
    "train_sizes": [*RESNET, "--image_size=36", "--eval_resize=36", "--train_sizes=32,36"],
    "profile": ["--profile_steps=1,2"],
    **{f"schedule {name}": [f"--schedule={name}"] for name in (
        "constant", "step(0.5)", "exponential(0.5)", "polynomial", "cosine_restarts(0.5)",
        "cyclic(1)", "one_cycle(0.4)", "plateau(patience=0)")},
    **{f"loss {name}": [f"--loss={name}"] for name in (
        "binary_cross_entropy", "focal", "mean_squared_error", "huber", "kullback_leibler")},
    **{name: [f"--augment=flip|{name}"] for name in (
        "mixup(0.2)", "mixup_or_cutmix", "rand_augment")},
    "resnet18": RESNET,
    "stochastic depth": [RESNET[0], f"{RESNET[1]},stochastic_depth=0.5"],
    "dropout": ["--model_options=dropout=0.5"],
    "msra": ["--model_options=kernel_initializer=msra"],
    "sync_bn": [*RESNET, "--sync_bn"],
    "recompute": [*RESNET, "--recompute"],
    "auxiliary heads": [
        "--model=googlenet_bn", "--model_options=width=0.1", "--aux_weight=0.3"],
    "teacher": ["--teacher=TEACHER"],
    "dist": ["--teacher=TEACHER", "--distillation=dist", "--temperature=1"],
    "binary teacher": ["--teacher=TEACHER", "--distillation=binary_kullback_leibler"],
}


def main() -> int:
    if unknown := [name for name in ONLY.value if name not in OPTIONS]:
        raise ValueError(f"--only: got {unknown[0]!r}; expected some of {', '.join(OPTIONS)}")
    names = ONLY.value or list(OPTIONS)
    pairs = [pair for pair in itertools.combinations(names, 2) if go_together(*pair)]
    pairs = random.Random(SEED.value).sample(pairs, min(PAIRS.value, len(pairs)))
    combinations = [*((name,) for name in names if ALONE.value), *pairs]
    import_tensorflow()
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it warns of many functions, each traced once: these are
    with tempfile.TemporaryDirectory() as folder:
        teacher = Path(folder) / "teacher"
        outcome = train(["--seed=1"], teacher)
        print(f"teacher: {outcome}", flush=True)
        crashes = outcome.startswith("CRASH")
        for number, combination in enumerate(combinations):
            started = time.perf_counter()
            arguments = [flag for name in combination for flag in OPTIONS[name]]
            outcome = train(
                [flag.replace("TEACHER", str(teacher)) for flag in arguments],
                Path(folder) / str(number),
            )
            crashes += outcome.startswith("CRASH")
            seconds = time.perf_counter() - started
            print(f"{' + '.join(combination)}: {outcome} ({seconds:.1f} s)", flush=True)
    print(f"{len(combinations)} combinations, {crashes} crashed")
    return 1 if crashes else 0


def go_together(one: str, other: str) -> bool:
    """Unless both set a flag, and each another value."""
    first, second = (
        dict(flag.partition("=")[::2] for flag in OPTIONS[name]) for name in (one, other)
    )
    return all(first[flag] == second[flag] for flag in first.keys() & second.keys())


def train(arguments: list[str], folder: Path) -> str:
    """The loss, why it was refused, or CRASH and why."""
    from zoo.train.loop import train
    from zoo.train.prepare import prepare

    shared = [f"--virtual_devices={DEVICES.value}", f"--precision={PRECISION.value}"]
    try:
        run = prepare(cli.parse(Recipe(), ["", *BASE, *shared, *arguments, f"--run_dir={folder}"]))
    except ValueError as error:
        lines = str(error).splitlines()
        return f"refused: {error}" if len(lines) == 1 else f"CRASH: {len(lines)} lines: {lines}"
    try:
        if code := train(run):
            if code > 128:  # a signal to stop
                raise SystemExit(code)
            return f"CRASH: exit code {code}"
    except Exception as error:  # of any kind: that is what is looked for
        traceback.print_exc()
        return f"CRASH: {type(error).__name__}"
    record = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    return f"loss {record['train_loss']:.3f}, {record['loss']:.3f}"


if __name__ == "__main__":
    run_tool(main, __doc__)
