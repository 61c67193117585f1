"""One training step of a whole recipe, beside timm's and torchvision's own in PyTorch.

    python -m tools.bench.whole_step --python=PEERS_ENVIRONMENT/bin/python

The same new weights of a ResNet-50, the same eight crops of photographs, mixed with the same draws
by the recipe's mixup or CutMix, float32: the loss, the weights after the update and the moving
statistics, with the recipe's loss, optimizer, decay and clipping. A row a recipe and a kind of
value: the largest difference over the largest value of its tensor, and of how much of the update
that is. PEERS_ENVIRONMENT has timm, torchvision and safetensors.
"""

import json
import subprocess
import tempfile
from pathlib import Path

from absl import flags

from zoo.cli import PATH, find_recipe, import_tensorflow, parse, run_tool

PYTHON = flags.DEFINE(PATH, "python", None, "of the environment with timm", required=True)
SIZE = flags.DEFINE_integer("size", 128, "side of the images, pixels", lower_bound=32)

RATES = {"rsb_a2": 0.005, "tv2": 0.5}  # the recipes' peaks
ROWS = 8


def batch_of(recipe):
    """Eight crops of scikit-learn's photographs, mixed: float32 [8, S, S, 3], [8, 1000]."""
    import numpy as np
    import tensorflow as tf
    from sklearn.datasets import load_sample_images

    from zoo.augment import parse_policy

    photos = load_sample_images().images
    images = tf.stack([
        tf.cast(tf.image.resize(photo[y:y + 320, x:x + 320], [SIZE.value] * 2), tf.float32)
        for photo in photos for y, x in ((0, 0), (0, 300), (100, 0), (100, 300))
    ])
    labels = tf.one_hot(np.arange(ROWS) * 111, 1000)
    mix = parse_policy(recipe.augment.split("|")[-1])
    return mix(images, labels, tf.constant([1, 2]))


def step_of_zoo(recipe, weights: Path, images, labels):
    """(loss, model with the values after the step, values before by path)."""
    import dataclasses

    import tensorflow as tf

    import zoo.weights
    from zoo.core.batch_norm import with_fused_batch_norm
    from zoo.core.gradients import make_differentiate
    from zoo.core.runtime import make_strategy
    from zoo.core.state import make_state
    from zoo.core.step import make_apply_update
    from zoo.data import open_source
    from zoo.train import parts

    name, options = recipe.model, {"input_shape": (SIZE.value, SIZE.value, 3)}
    model = with_fused_batch_norm(zoo.weights.create_model(name, weights=str(weights), **options))
    source = open_source("synthetic:size=32,classes=1000,count=1000")
    settings = dataclasses.replace(
        parts.settings_of(recipe, source), batch_size=ROWS, jit_compile=False
    )
    optimizer = parts.optimizer_of(recipe, model)
    state = make_state(model, make_strategy(["CPU:0"]), scales_loss=False, slots=optimizer.slots)
    values = state.read()
    sums, gradients, statistics = make_differentiate(model, settings)(
        values["weights"], values["statistics"], {"images": images, "labels": labels},
        values["step"], tf.constant(0, tf.int64), values["loss_scale"],
    )
    rate = RATES[recipe.name]
    update = make_apply_update(lambda step: tf.constant(rate), optimizer, None, settings, 1)
    after, _ = update(values, gradients, statistics)
    found = {**after["weights"], **after["statistics"]}
    before = {**values["weights"], **values["statistics"]}
    return float(sums[0]) / ROWS, {k: v.numpy() for k, v in found.items()}, {
        k: v.numpy() for k, v in before.items()
    }


def compare(flagfile: str) -> None:
    import dataclasses

    import numpy as np

    import zoo.weights

    recipe = parse(find_recipe("resnet50"), ["program", f"--flagfile={flagfile}"])
    recipe = dataclasses.replace(recipe, name=flagfile, precision="float32", mean=tuple(
        255 * value for value in (0.485, 0.456, 0.406)
    ), std=tuple(255 * value for value in (0.229, 0.224, 0.225)))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        images, labels = batch_of(recipe)
        np.savez(folder / "batch.npz", images=images.numpy(), labels=labels.numpy())
        subprocess.run(
            [PYTHON.value, "tools/bench/timm_whole_step.py", flagfile, folder], check=True
        )
        loss, found, before = step_of_zoo(recipe, folder / "before.safetensors", images, labels)
        theirs = zoo.weights.create_model(
            recipe.model, weights=str(folder / "after.safetensors"),
            input_shape=(SIZE.value, SIZE.value, 3),
        )
        expected = {v.path: v.numpy() for v in theirs.variables}
        their_loss = json.loads((folder / "loss.json").read_text())
    print(f"| {flagfile} | loss | {loss:.7f} | {their_loss:.7f} | {abs(loss - their_loss):.1e} | |")
    for kind, endings in (("kernels", ("kernel",)),
                          ("scales, offsets, bias", ("gamma", "beta", "bias")),
                          ("moving means", ("moving_mean",)),
                          ("moving variances", ("moving_variance",))):
        paths = [path for path in found if path.rsplit("/", 1)[1] in endings]
        gaps = [np.abs(found[path] - expected[path]) for path in paths]
        worst = max(
            gap.max() / max(np.abs(expected[path]).max(), 1e-12)
            for path, gap in zip(paths, gaps, strict=True)
        )
        moved = np.concatenate([np.abs(expected[p] - before[p]).ravel() for p in paths])
        share = np.concatenate([gap.ravel() for gap in gaps]).mean() / moved.mean()
        print(f"| {flagfile} | {kind} | {len(paths)} tensors | | {worst:.1e} | {share:.1e} |")


def main() -> int:
    import_tensorflow()
    print("| recipe | what | zoo | PyTorch | largest difference | mean difference / mean update |")
    print("| --- | --- | --- | --- | --- | --- |")
    for flagfile in RATES:
        compare(flagfile)
    return 0


if __name__ == "__main__":
    run_tool(main, __doc__)
