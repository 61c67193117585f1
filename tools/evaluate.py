"""Accuracies of a run, or of trained weights, over a split: each image once, from its views.

    python -m tools.evaluate --run_dir=runs/x --out=evaluations/x
    python -m tools.evaluate --run_dir=runs/x --views=ten_crop --short_sides=224,256,384,480,640
    python -m tools.evaluate --weights=own.safetensors --data=folder:photos
    python -m tools.evaluate --weights=timm:resnet50d.ra2_in1k --data=folder:imagenet-r
    python -m tools.evaluate --model=efficientnet_lite0 --weights=imagenet --data=folder:photos \\
        --compare=evaluations/other

The softmax probabilities of an image's views are averaged. A run's data, image size, resizing and
normalisation are those of its recipe; those of weights are what they were published with.

Classes of the data are found among those of weights by name, by WordNet id, by number, or, where
there are as many, by place; a line says which. The data may have some of the classes only, as
ImageNet-A and -R: then the others are no answers (--among=all: they are). A folder without train/,
validation/ and test/ is the asked split by itself.

--out=DIR gets report.md with pictures, figures.json, predictions.csv and .json with every
prediction, tables by class, the confusion matrix, and the images that are most surely wrong.
"""

import time
from pathlib import Path

from absl import flags

from zoo.cli import OPTIONAL_PATH, import_tensorflow, run_tool

RUN_DIR = flags.DEFINE(OPTIONAL_PATH, "run_dir", "", "the folder of a training run")
MODEL = flags.DEFINE_string(
    "model", "", "of weights that do not tell it: zoo.list_models() lists them"
)
WEIGHTS = flags.DEFINE_string(
    "weights", "", "instead of a run: a name of the catalogue, a file, or a run's folder; with "
    "--model also imagenet or mnist"
)
DATA = flags.DEFINE_string(
    "data", "", "with --weights: mnist5k, idx:DIR, folder:DIR, tfrecord:PATTERN or tfds:NAME"
)
DATA_DIR = flags.DEFINE(OPTIONAL_PATH, "data_dir", "", "with --weights: where tfds: sets lie")
SPLIT = flags.DEFINE_string("split", "validation", "train, validation or test")
VIEWS = flags.DEFINE_string("views", "centre", "of each image: centre, flip, five_crop or ten_crop")
SHORT_SIDES = flags.DEFINE_list(
    "short_sides", [],
    "short sides that the images are resized to, each, before they are cropped, pixels; empty: as "
    "the run or the weights were evaluated",
)
AMONG = flags.DEFINE_enum(
    "among", "set", ["set", "all"],
    "what is an answer where the data has some of the weights' classes only: a class of the set, "
    "as is usual for ImageNet-A and -R, or any of the model's",
)
LABELS = flags.DEFINE_string(
    "labels", "", "other labels, told beside the set's own: real:FILE, ImageNet-ReaL's real.json"
)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "images read at once; halved where memory is not enough", lower_bound=1
)
TRUST = flags.DEFINE_list("trust", [], "packages whose code the run or the weights may name")
COMPARE = flags.DEFINE(
    OPTIONAL_PATH, "compare", "", "another evaluation's folder, or its predictions.csv, of the "
    "same images: McNemar's test, and the difference with its interval"
)
OUT = flags.DEFINE(OPTIONAL_PATH, "out", "", "a new or empty folder for all that is found")


def main() -> None:
    from zoo.data.folder import check_new_folder
    from zoo.data.views import Views

    Views(VIEWS.value, _short_sides() or (1,))  # what is wrong with them is told at once
    load = _check_flags()
    if OUT.value:
        check_new_folder(OUT.value)
    import_tensorflow()
    from zoo.core import runtime
    from zoo.data import open_source
    from zoo.data.bad_images import named_errors
    from zoo.evaluate import kept
    from zoo.evaluate.label_sets import image_names
    from zoo.evaluate.several_views import evaluate_views
    from zoo.report.evaluation import described, figures_of
    from zoo.report.evaluation_folder import write_new_folder

    other = kept.read(COMPARE.value) if COMPARE.value else None
    runtime.configure(precision="float32", virtual_devices=1, deterministic=False, seed=0)
    model, class_names, (data, data_dir) = load()
    images = model.preprocessing
    views = Views(VIEWS.value, _short_sides() or (images.eval_resize,))
    views.check(model.input_shape[1])
    source = open_source(  # each image is read once
        data, data_dir=data_dir, cache_mb=0, orientation=images.orientation, only=SPLIT.value
    )
    split = _split_of(source)
    names = image_names(split)
    matched, answers = _classes(source.class_names, class_names, model)
    real = _real_labels(names, model)
    started = time.perf_counter()
    with named_errors({SPLIT.value: split}):
        predictions = evaluate_views(
            runtime.make_strategy(), model, split, views, mean=images.mean, std=images.std,
            resizing=images.resizing, batch_size=BATCH_SIZE.value, classes=matched.classes,
        )
    seconds = time.perf_counter() - started
    of = RUN_DIR.value or WEIGHTS.value
    figures = {
        "title": f"{model.name} of {of}: {SPLIT.value} of {data}",
        "model": model.name, "of": of, "data": data, "split": SPLIT.value,
        "classes_by": matched.by, "image_size": model.input_shape[1], "views": views.crops,
        "short_sides": views.short_sides, "views_per_image": views.num_views,
        **figures_of(predictions, names), "seconds": round(seconds, 3),
        "images_per_second": round(split.num_examples / seconds, 2),
    }
    rows = kept.rows_of(predictions, names, answers)
    _add_comparisons(figures, predictions, matched.classes, rows, real, other)
    if OUT.value:
        write_new_folder(
            OUT.value, figures, predictions, rows, answers, split, source.channels
        )
    print("\n".join([_about(figures), *described(figures), (
        f"{figures['views_per_image']} views an image, {figures['images_per_second']:.1f} "
        f"images/s, {figures['seconds']:.1f} s"
    )]))


def _add_comparisons(figures, predictions, classes, rows, real, other) -> None:
    """Adds what is known beside the set's own labels: others, what was published, another model."""
    from zoo.evaluate import kept
    from zoo.evaluate.label_sets import right_among
    from zoo.report.evaluation import compared, published, share_figures
    from zoo.weights import catalogue
    from zoo.weights.origin import resolve

    if real is not None:
        right, top_5 = (right_among(predictions.logits, classes, real, top) for top in (1, 5))
        figures["real"] = share_figures(right, top_5, len(real))
    if WEIGHTS.value and VIEWS.value == "centre" and not SHORT_SIDES.value:
        entry = resolve(WEIGHTS.value, MODEL.value or None)
        if isinstance(entry, catalogue.Entry) and entry.top_1 is not None:
            figures["published"] = published(entry.dataset, entry.top_1, figures)
    if other is not None:
        own = kept.kept_of(rows)
        kept.check_same_images(own, other)
        figures["compared"] = {"with": COMPARE.value, **compared(own, other)}


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
    given = {flag.name: flag.value for flag in (WEIGHTS, DATA)}
    if LABELS.value and not LABELS.value.startswith("real:"):
        raise ValueError(f"--labels: got {LABELS.value}; expected real:FILE")
    if RUN_DIR.value:
        also = {"model": MODEL.value, **given, "data_dir": DATA_DIR.value, "labels": LABELS.value}
        for name, value in also.items():
            if value:
                raise ValueError(f"--{name}: got {value} and --run_dir, which has its own; "
                                 "expected one of them")
        return _of_run
    if missing := [f"--{name}" for name, value in given.items() if not value]:
        raise ValueError(f"got no --run_dir and no {missing[0]}; expected --run_dir, or --weights "
                         "and --data")
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
    from zoo.evaluate.validating import model_of_weights

    model = model_of_weights(WEIGHTS.value, MODEL.value or None, trust=TRUST.value)
    return model, None, (DATA.value, DATA_DIR.value)


def _split_of(source):
    if SPLIT.value not in source.splits:
        raise ValueError(f"--split: got {SPLIT.value}; expected one of {', '.join(source.splits)}")
    return source.splits[SPLIT.value]


def _classes(names, of_run, model):
    """How the data's classes were found, with the model's class of each answer; their names.

    Raises ValueError where the data has other classes than the model.
    """
    from zoo.evaluate.label_sets import Match, match_classes

    num_classes = model.output.shape[-1]
    if of_run is not None:
        if names != of_run:
            raise ValueError(
                "--run_dir: its data has other classes now than in classes.txt; expected the data "
                "that the run began with"
            )
        match = Match(tuple(range(num_classes)), "name")
    else:
        match = match_classes(names, num_classes, model.class_names)
    others = sorted(set(range(num_classes)) - set(match.classes))
    if AMONG.present and not others:
        raise ValueError(f"--among: got {AMONG.value} and data with all of the model's classes, "
                         "where it has no effect; expected no --among")
    if AMONG.value == "all":
        there = model.class_names or tuple(map(str, range(num_classes)))
        match = match._replace(classes=(*match.classes, *others))
        names = (*names, *(there[own] for own in others))
    return match, names


def _real_labels(names, model):
    from zoo.evaluate.label_sets import read_real

    if not LABELS.value:
        return None
    return read_real(Path(LABELS.value.removeprefix("real:")), names, model.output.shape[-1])


def _about(figures: dict) -> str:
    sides = ", ".join(map(str, figures["short_sides"]))
    return (
        f"{figures['model']}: {figures['split']} of {figures['data']}, {figures['image_size']} "
        f"pixels, {figures['views']} at short side {sides}, classes by {figures['classes_by']}"
    )


if __name__ == "__main__":
    run_tool(main, __doc__)
