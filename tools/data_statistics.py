"""Mean, deviation and principal components of the colours of a data set.

    python -m tools.data_statistics --data=mnist5k
    python -m tools.data_statistics --data=tfds:imagenet2012 --data_dir=/data/tfds --count=50000 \\
        --image_size=224 --eval_resize=256

Mean and deviation are in levels of 0..255, as the flags --mean and --std of a recipe take them.
Eigenvalues are those of the covariance of values in 0..1, as in AlexNet's paper; eigenvectors are
the columns, their largest component positive.
"""

import json

from absl import flags

from zoo.cli import OPTIONAL_PATH, import_tensorflow, run_tool
from zoo.files import write_text

DATA = flags.DEFINE_string(
    "data", None, "data source, as a recipe's --data: mnist5k, idx:DIR, folder:DIR, "
    "tfrecord:PATTERN, tfds:NAME, synthetic or package.module:name", required=True,
)
DATA_DIR = flags.DEFINE(
    OPTIONAL_PATH, "data_dir", "", "folder of a relative DIR or PATTERN, or of prepared TFDS sets"
)
SPLIT = flags.DEFINE_string("split", "train", "split to look at: train, validation or test")
CHANNELS = flags.DEFINE_integer(
    "channels", 0, "channels, 1 or 3; 0: what the set has", lower_bound=0
)
IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 0, "side of the centre crop, pixels; 0: whole images", lower_bound=0
)
EVAL_RESIZE = flags.DEFINE_integer(
    "eval_resize", 0, "short side before the crop, pixels; 0: --image_size", lower_bound=0
)
COUNT = flags.DEFINE_integer("count", 0, "number of images, drawn at random; 0: all", lower_bound=0)
SEED = flags.DEFINE_integer("seed", 0, "seed of the draw", lower_bound=0)
OUT = flags.DEFINE(OPTIONAL_PATH, "out", "", ".json file to write the figures to, with all digits")


def main() -> None:
    from zoo.data.source_spec import check_spec

    check_spec(DATA.value, data_dir=DATA_DIR.value)
    if OUT.value and not OUT.value.endswith(".json"):
        raise ValueError(f"--out: got {OUT.value}; expected a name that ends in .json")
    if SEED.present and not COUNT.value:
        raise ValueError("--seed has no effect without --count")
    import_tensorflow()
    from zoo.data import open_source
    from zoo.data.statistics import channel_statistics

    source = open_source(DATA.value, data_dir=DATA_DIR.value, cache_mb=0)
    if SPLIT.value not in source.splits:
        raise ValueError(f"--split: got {SPLIT.value}; expected one of {', '.join(source.splits)}")
    found = channel_statistics(
        source.splits[SPLIT.value], CHANNELS.value or source.channels,
        image_size=IMAGE_SIZE.value, eval_resize=EVAL_RESIZE.value, count=COUNT.value,
        seed=SEED.value,
    )
    print(f"{found.num_images:,} images of {SPLIT.value}, {found.num_pixels:,} pixels")
    print(f"--mean={_row(found.mean, '.3f', ',')} --std={_row(found.std, '.3f', ',')}")
    print(f"eigenvalues, of values in 0..1: {_row(found.eigenvalues, '.6f')}")
    print(f"deviations along them, levels of 0..255: {_row(255 * found.eigenvalues**0.5, '.3f')}")
    print("eigenvectors, one a column:")
    for row in found.eigenvectors:
        print("  " + _row(row, "8.4f"))
    if OUT.value:
        figures = {
            name: value if isinstance(value, int) else value.tolist()
            for name, value in vars(found).items()
        }
        write_text(OUT.value, json.dumps({"data": DATA.value, **figures}, indent=1) + "\n")


def _row(values, form: str, between: str = " ") -> str:
    return between.join(format(value, form) for value in values)


if __name__ == "__main__":
    run_tool(main, __doc__)
