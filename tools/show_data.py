"""A contact sheet of a data set: examples drawn at random, the name of its class under each.

    python -m tools.show_data --data=folder:/data/flowers --out=flowers.png
    python -m tools.show_data --data=tfds:imagenet2012 --data_dir=/data/tfds --split=validation \\
        --image_size=224 --eval_resize=256

Whole images, or with --image_size what the evaluation would see of them.
"""

from absl import flags

from zoo.cli import OPTIONAL_PATH, PATH, import_tensorflow, run_tool
from zoo.files import written_aside

DATA = flags.DEFINE_string(
    "data", None, "data source, as a recipe's --data: mnist5k, idx:DIR, folder:DIR, "
    "tfrecord:PATTERN, tfds:NAME, synthetic or package.module:name", required=True,
)
DATA_DIR = flags.DEFINE(
    OPTIONAL_PATH, "data_dir", "", "folder of a relative DIR or PATTERN, or of prepared TFDS sets"
)
SPLIT = flags.DEFINE_string("split", "train", "split to show: train, validation or test")
OUT = flags.DEFINE(PATH, "out", "data.png", ".png file to write")
COUNT = flags.DEFINE_integer("count", 48, "number of images", lower_bound=1)
COLUMNS = flags.DEFINE_integer("columns", 8, "images in a row", lower_bound=1)
TILE = flags.DEFINE_integer("tile", 128, "sides of the square a whole image is fitted into, pixels",
                            lower_bound=16)
IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 0, "side of the centre crop, pixels; 0: whole images", lower_bound=0
)
EVAL_RESIZE = flags.DEFINE_integer(
    "eval_resize", 0, "short side before the crop, pixels; 0: --image_size", lower_bound=0
)
SEED = flags.DEFINE_integer("seed", 0, "seed of the draw", lower_bound=0)


def main() -> None:
    from zoo.data.source_spec import check_spec

    check_spec(DATA.value, data_dir=DATA_DIR.value)
    if not OUT.value.endswith(".png"):
        raise ValueError(f"--out: got {OUT.value}; expected a name that ends in .png")
    if IMAGE_SIZE.value and TILE.present:
        raise ValueError("--tile has no effect with --image_size, which the images then have")
    if EVAL_RESIZE.value and not IMAGE_SIZE.value:
        raise ValueError("--eval_resize has no effect without --image_size")
    import_tensorflow()
    from zoo.data import open_source
    from zoo.data.bad_images import named_errors
    from zoo.data.contact_sheet import draw_sheet, fit
    from zoo.data.visit import some_rows, visit

    source = open_source(DATA.value, data_dir=DATA_DIR.value, cache_mb=0)
    if SPLIT.value not in source.splits:
        raise ValueError(f"--split: got {SPLIT.value}; expected one of {', '.join(source.splits)}")
    split = source.splits[SPLIT.value]
    rows = some_rows(split, COUNT.value, SEED.value)
    names = readable(source.class_names)
    fitted = fit(TILE.value, IMAGE_SIZE.value, EVAL_RESIZE.value)
    pictures = visit(split, rows, source.channels, fitted, "drawing images")
    with named_errors({SPLIT.value: split}):
        named = [(image, names[label]) for image, label in pictures]
    sheet = draw_sheet(named, IMAGE_SIZE.value or TILE.value, COLUMNS.value)
    with written_aside(OUT.value) as aside:
        sheet.save(aside)
    print(f"{OUT.value}: {len(rows)} of {split.num_examples:,} images of {SPLIT.value}, "
          f"{sheet.width}x{sheet.height} pixels")


def readable(class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, with ImageNet's instead of WordNet's ids."""
    from zoo.weights.class_names import IMAGENET

    known = dict(IMAGENET)
    return tuple(known.get(name, name) for name in class_names)


if __name__ == "__main__":
    run_tool(main, __doc__)
