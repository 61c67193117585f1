"""Accuracies of many weights over one set, beside the published ones: a table as CSV.

    python -m tools.validate_zoo --data=tfds:imagenet2012 --data_dir=/data/tfds --out=imagenet.csv
    python -m tools.validate_zoo --weights='timm:resnet50*,own.safetensors' --data=folder:photos \\
        --out=photos.csv

Each has its own image size, resizing and normalisation. A row is written as soon as it is there;
the same command goes on where it was stopped. What cannot be had is told, and tried again by the
same command; the exit code is 1 then.
"""

import sys
from pathlib import Path

from absl import flags

from zoo.cli import OPTIONAL_PATH, PATH, import_tensorflow, run_tool
from zoo.printable import visible

WEIGHTS = flags.DEFINE_list(
    "weights", ["*:*"], "names and patterns of the catalogue, files, runs' folders; by default all "
    "of the catalogue"
)
DATA = flags.DEFINE_string(
    "data", None, "folder:DIR, tfrecord:PATTERN, tfds:NAME and the like", required=True
)
DATA_DIR = flags.DEFINE(OPTIONAL_PATH, "data_dir", "", "where tfds: sets lie")
SPLIT = flags.DEFINE_string("split", "validation", "train, validation or test")
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 64, "images read at once; halved where memory is not enough", lower_bound=1
)
OUT = flags.DEFINE(PATH, "out", None, "a .csv file, new or of an earlier call", required=True)


def main() -> int:
    from zoo.data.source_spec import check_spec

    check_spec(DATA.value, data_dir=DATA_DIR.value)
    if not OUT.value.endswith(".csv"):
        raise ValueError(f"--out: got {OUT.value}; expected a name that ends in .csv")
    import_tensorflow()
    from zoo.core import runtime
    from zoo.data import open_source
    from zoo.data.bad_images import named_errors
    from zoo.evaluate.validating import names_of, read_rows, validate

    names = names_of(WEIGHTS.value)
    read_rows(Path(OUT.value), DATA.value, SPLIT.value)  # what is wrong with it is told at once
    runtime.configure(precision="float32", virtual_devices=1, deterministic=False, seed=0)
    source = open_source(DATA.value, data_dir=DATA_DIR.value, cache_mb=0, only=SPLIT.value)
    failed = 0
    with named_errors(source.splits):
        for name, found in validate(names, source, SPLIT.value, DATA.value, Path(OUT.value),
                                    batch_size=BATCH_SIZE.value):
            if isinstance(found, Exception):
                failed += 1
                print(visible(f"{name}: {found}"), file=sys.stderr, flush=True)
            else:
                published = found["published_top_1"] and f" (published: {found['published_top_1']})"
                print(f"{visible(name)}: top-1 {found['top_1']} %{published}, top-5 "
                      f"{found['top_5']} %, {found['images']} images", flush=True)
    print(f"{OUT.value}: {len(names) - failed} of {len(names)} weights")
    return int(failed > 0)


if __name__ == "__main__":
    run_tool(main, __doc__)
