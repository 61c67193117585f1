"""Accuracies of a run, or of pretrained weights, over a split: each image once, from its views.

    python -m tools.evaluate --run_dir=runs/x --views=ten_crop
    python -m tools.evaluate --run_dir=runs/x --views=ten_crop --short_sides=224,256,384,480,640
    python -m tools.evaluate --model=efficientnet_lite0 --weights=imagenet --data=folder:photos

The softmax probabilities of an image's views are averaged. A run's data, image size, resizing and
normalisation are those of its recipe; those of weights are what they were published with, and class
n of the data must be class n of the weights: no name tells whether it is.
"""

import json
import time
from pathlib import Path

from absl import flags

from zoo.cli import OPTIONAL_PATH, import_tensorflow, run_tool

RUN_DIR = flags.DEFINE(OPTIONAL_PATH, "run_dir", "", "the folder of a training run")
MODEL = flags.DEFINE_string("model", "", "instead of a run: zoo.list_models() lists them")
WEIGHTS = flags.DEFINE_string(
    "weights", "", "with --model: imagenet, mnist, a name of the catalogue, or a run's folder"
)
DATA = flags.DEFINE_string(
    "data", "", "with --model: mnist5k, idx:DIR, folder:DIR, tfrecord:PATTERN or tfds:NAME"
)
DATA_DIR = flags.DEFINE(OPTIONAL_PATH, "data_dir", "", "with --model: where tfds: sets lie")
SPLIT = flags.DEFINE_string("split", "validation", "train, validation or test")
VIEWS = flags.DEFINE_string("views", "centre", "of each image: centre, flip, five_crop or ten_crop")
SHORT_SIDES = flags.DEFINE_list(
    "short_sides", [],
    "short sides that the images are resized to, each, before they are cropped, pixels; empty: as "
    "the run or the weights were evaluated",
)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "images read at once", lower_bound=1)
TRUST = flags.DEFINE_list("trust", [], "packages whose code the run or the weights may name")
OUT = flags.DEFINE(OPTIONAL_PATH, "out", "", "a .json file for the figures, too")


def main() -> None:
    from zoo.data.views import Views

    if OUT.value and not OUT.value.endswith(".json"):
        raise ValueError(f"--out: got {OUT.value}; expected a name that ends in .json")
    Views(VIEWS.value, _short_sides() or (1,))  # what is wrong with them is told at once
    load = _check_flags()
    import_tensorflow()
    from zoo.core import runtime
    from zoo.data import open_source
    from zoo.data.bad_images import named_errors
    from zoo.evaluate.several_views import evaluate_views
    from zoo.files import write_text

    runtime.configure(precision="float32", virtual_devices=1, deterministic=False, seed=0)
    model, class_names, (data, data_dir) = load()
    images = model.preprocessing
    views = Views(VIEWS.value, _short_sides() or (images.eval_resize,))
    views.check(model.input_shape[1])
    source = open_source(  # each image is read once
        data, data_dir=data_dir, cache_mb=0, orientation=images.orientation, only=SPLIT.value
    )
    split = _split_of(source, class_names, model.output.shape[-1])
    started = time.perf_counter()
    with named_errors({SPLIT.value: split}):
        predictions = evaluate_views(
            runtime.make_strategy(), model, split, views, mean=images.mean, std=images.std,
            resizing=images.resizing, batch_size=BATCH_SIZE.value,
        )
    seconds = time.perf_counter() - started
    figures = {
        "model": model.name, "of": RUN_DIR.value or WEIGHTS.value, "data": data,
        "split": SPLIT.value, "image_size": model.input_shape[1], "views": views.crops,
        "short_sides": views.short_sides, "views_per_image": views.num_views,
        "images": split.num_examples, "top_1": predictions.top_1, "top_5": predictions.top_5,
        "loss": predictions.loss, "seconds": round(seconds, 3),
        "images_per_second": round(split.num_examples / seconds, 2),
    }
    if OUT.value:
        write_text(Path(OUT.value), json.dumps(figures, indent=2) + "\n")
    print(_told(figures))


def _short_sides() -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in SHORT_SIDES.value)
    except ValueError:
        raise ValueError(
            f"--short_sides: got {','.join(SHORT_SIDES.value)!r}; expected whole numbers of "
            "pixels joined by commas"
        ) from None


def _check_flags():
    """Which of the two functions below loads what is evaluated."""
    given = {flag.name: flag.value for flag in (MODEL, WEIGHTS, DATA)}
    if RUN_DIR.value:
        for name, value in {**given, "data_dir": DATA_DIR.value}.items():
            if value:
                raise ValueError(f"--{name}: got {value} and --run_dir, which has its own; "
                                 "expected one of them")
        return _of_run
    if missing := [f"--{name}" for name, value in given.items() if not value]:
        raise ValueError(f"got no --run_dir and no {missing[0]}; expected --run_dir, or --model, "
                         "--weights and --data")
    return _of_weights


def _of_run():
    """Model, class names, data and its folder."""
    import zoo
    from zoo.address import require_trust
    from zoo.recipe.file import addresses
    from zoo.recipe.rules import named
    from zoo.runs.run_folder import read_recipe

    with named("run_dir"):
        read_recipe(RUN_DIR.value)  # what is no run's folder is told
        model = zoo.load_model(RUN_DIR.value, trust=TRUST.value)
    recipe = model.card.recipe
    if recipe is None:
        raise ValueError(f"--run_dir: {RUN_DIR.value} is no run's; expected a run's folder")
    require_trust(addresses({"data": recipe["data"]}), TRUST.value, RUN_DIR.value)
    return model, model.class_names, (recipe["data"], recipe["data_dir"])


def _of_weights():
    """As `_of_run`; class names None: the names of folders need not be the weights' own."""
    from zoo.weights import create_model, preprocessing_of

    images = preprocessing_of(WEIGHTS.value, MODEL.value)
    if images is None:
        raise ValueError(
            f"--weights: {WEIGHTS.value} does not say what its images were like; expected weights "
            "of the catalogue, a file of this zoo, or a run's folder"
        )
    model = create_model(
        MODEL.value, weights=WEIGHTS.value, input_shape=images.input_shape, trust=TRUST.value
    )
    return model, None, (DATA.value, DATA_DIR.value)


def _split_of(source, class_names, num_classes: int):
    """Raises ValueError where the data has no such split, or other classes than the model."""
    if SPLIT.value not in source.splits:
        raise ValueError(f"--split: got {SPLIT.value}; expected one of {', '.join(source.splits)}")
    if len(source.class_names) != num_classes:
        raise ValueError(
            f"--data: got {len(source.class_names)} classes; expected the model's {num_classes}"
        )
    if class_names is not None and source.class_names != class_names:
        raise ValueError(
            "--run_dir: its data has other classes now than in classes.txt; expected the data that "
            "the run began with"
        )
    return source.splits[SPLIT.value]


def _told(figures: dict) -> str:
    sides = ", ".join(map(str, figures["short_sides"]))
    return (
        f"{figures['model']}: {figures['split']} of {figures['data']}, {figures['image_size']} "
        f"pixels, {figures['views']} at short side {sides}\n"
        f"{figures['images']} images, top-1 {100 * figures['top_1']:.2f} %, top-5 "
        f"{100 * figures['top_5']:.2f} %, loss {figures['loss']:.4f}\n"
        f"{figures['views_per_image']} views an image, {figures['images_per_second']:.1f} "
        f"images/s, {figures['seconds']:.1f} s"
    )


if __name__ == "__main__":
    run_tool(main, __doc__)
