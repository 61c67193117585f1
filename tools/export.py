"""Exports a run, or weights, for other programs, and checks what it has written.

    python -m tools.export --run_dir=runs/x --out=models/x
    python -m tools.export --model=efficientnet_lite0 --weights=imagenet --out=models/lite0
    python -m tools.export --weights=model.safetensors --format=onnx --out=models/x
    python -m tools.export --run_dir=runs/x --format=litert --precision=int8 --data=folder:photos \
--out=models/x

The weights of a run are those that it leaves, of an unfinished one those of its newest checkpoint;
--keep=best or --keep=last takes those of the evaluation that it does not leave. The model is
written as OUT/1, OUT/2, ..., as servers expect, with a card (README.md) and the outcome of the
check (export.json). Images in levels of 0..255 go in; the SavedModel takes the bytes of image files
of any size, too. Weights that do not name their classes, as those of other libraries, take
--class_names=FILE.
"""

from absl import flags

from zoo.cli import OPTIONAL_PATH, PATH, import_tensorflow, run_tool

RUN_DIR = flags.DEFINE(OPTIONAL_PATH, "run_dir", "", "folder of a run")
WEIGHTS = flags.DEFINE_string(
    "weights", "", "instead of a run: imagenet, mnist, a name of the catalogue, or a file"
)
MODEL = flags.DEFINE_string("model", "", "with --weights that do not say it: zoo.list_models()")
CLASS_NAMES = flags.DEFINE(OPTIONAL_PATH, "class_names", "", "a file with a class name a line, for "
                           "--weights that do not say them")
OUT = flags.DEFINE(PATH, "out", None, "folder for the versions of the model", required=True)
FORMAT = flags.DEFINE_string(
    "format", "saved_model", "saved_model, litert, onnx, openvino or keras"
)
PRECISION = flags.DEFINE_string(
    "precision", "float32", "float32, bfloat16, float16, int8 or int8_dynamic, where the format "
    "has it"
)
DATA = flags.DEFINE_string(
    "data", "", "images to check on: mnist5k, idx:DIR, folder:DIR, tfrecord:PATTERN or tfds:NAME; "
    "empty: digits or photographs that installed packages ship. int8 takes the ranges of its "
    "values from its training images"
)
DATA_DIR = flags.DEFINE(OPTIONAL_PATH, "data_dir", "", "with --data: where tfds: sets lie")
SPLIT = flags.DEFINE_string("split", "validation", "of --data, to check on")
IMAGES = flags.DEFINE_integer("images", 200, "of --data, to check on", lower_bound=1)
REPRESENTATIVE = flags.DEFINE_integer(
    "representative", 100, "training images of --data that int8 sees", lower_bound=1
)
KEEP = flags.DEFINE_enum("keep", "", ["", "best", "last"], "of --run_dir: which evaluation; empty: "
                         "the one that the run leaves")
ON_BAD_IMAGE = flags.DEFINE_string(
    "on_bad_image", "fail", "of a SavedModel, for an image that cannot be read: fail ends its "
    "request and says which it is; flag answers the others, NaN and -1 for it, and the reason in "
    "the output error"
)
TRUST = flags.DEFINE_list("trust", [], "packages whose code the run or the weights may name")


def main() -> None:
    from zoo.export import formats

    # What is wrong with them is told at once.
    formats.find(FORMAT.value, PRECISION.value, ON_BAD_IMAGE.value)
    _check_flags()
    import_tensorflow()
    from zoo.export.check import told
    from zoo.export.exporting import export_model, record_of, usage

    model = _of_run() if RUN_DIR.value else _of_weights()
    path = export_model(
        model, OUT.value, format=FORMAT.value, precision=PRECISION.value,
        on_bad_image=ON_BAD_IMAGE.value, **_images(model),
    )
    record = record_of(path)
    name = "SavedModel" if FORMAT.value == "saved_model" else FORMAT.value
    print(f"{name}: {path}\n{told(record['check'])}\n\n{usage(path)}")


def _check_flags() -> None:
    if bool(RUN_DIR.value) == bool(WEIGHTS.value):
        got = f"--run_dir={RUN_DIR.value} and --weights" if RUN_DIR.value else "neither"
        raise ValueError(f"got {got}; expected one of --run_dir and --weights")
    if KEEP.value and not RUN_DIR.value:
        raise ValueError(f"--keep: got {KEEP.value} without a run; expected --run_dir with it")
    for flag in (MODEL, CLASS_NAMES):
        if flag.value and RUN_DIR.value:
            raise ValueError(f"--{flag.name}: got {flag.value} and --run_dir, which has its own; "
                             "expected --weights with it")
    if PRECISION.value == "int8" and not DATA.value:
        raise ValueError("--precision: int8 takes the ranges of its values from images of "
                         "training; expected --data")


def _of_run():
    import zoo
    from zoo.recipe.rules import named
    from zoo.runs.run_folder import read_recipe

    with named("run_dir"):
        read_recipe(RUN_DIR.value)  # what is no run's folder is told
        if KEEP.value:
            return zoo.weights.load_evaluation(RUN_DIR.value, KEEP.value, trust=TRUST.value)
        return zoo.load_model(RUN_DIR.value, trust=TRUST.value)


def _of_weights():
    import zoo
    from zoo.data.class_names import read_lines
    from zoo.weights import preprocessing_of

    if preprocessing_of(WEIGHTS.value, MODEL.value or None) is None:
        raise ValueError(
            f"--weights: {WEIGHTS.value} does not say what its images were like; expected weights "
            "of the catalogue or a file of this zoo"
        )
    model = zoo.create_model(MODEL.value or None, weights=WEIGHTS.value, trust=TRUST.value)
    if CLASS_NAMES.value:
        names = tuple(line.rstrip("\n") for line in read_lines(CLASS_NAMES.value))
        if len(names) != model.output.shape[-1]:
            raise ValueError(f"--class_names: {CLASS_NAMES.value} has {len(names)} lines; expected "
                             f"one for each of the {model.output.shape[-1]} classes")
        model.class_names = names
    if model.class_names is None:
        raise ValueError(f"--weights: {WEIGHTS.value} does not name its classes; expected "
                         "--class_names=FILE, a name a line")
    return model


def _images(model) -> dict:
    """The arguments of `export_model` about images."""
    if not DATA.value:
        return {}
    from zoo.data import open_source
    from zoo.data.bad_images import named_errors
    from zoo.export.pictures import of_split

    known, static = model.preprocessing, PRECISION.value == "int8"
    source = open_source(
        DATA.value, data_dir=DATA_DIR.value, cache_mb=0, orientation=known.orientation,
        only="" if static else SPLIT.value,
    )
    if SPLIT.value not in source.splits:
        raise ValueError(f"--split: got {SPLIT.value}; expected one of {', '.join(source.splits)}")
    with named_errors({name: source.splits[name] for name in source.splits}):
        shown = of_split(source.splits[SPLIT.value], known, IMAGES.value)
        seen = of_split(source.splits["train"], known, REPRESENTATIVE.value) if static else None
    # Class n of the data is class n of the model where their numbers are the same.
    labelled = len(source.class_names) == len(model.class_names)
    return {
        "images": shown.images, "labels": shown.labels if labelled else None,
        "of": f"{SPLIT.value} of {DATA.value}", "representative": seen and seen.images,
    }


if __name__ == "__main__":
    run_tool(main, __doc__)
