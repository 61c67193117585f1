"""Classifies images: the likeliest classes of each, with their names.

    python -m tools.predict --model=efficientnet_lite0 --weights=imagenet photo.jpg folder 'x/*.png'
    python -m tools.predict --weights=runs/x photos --out=predictions.csv

Files, folders (with all that is under them) and patterns may be given; what is in a file decides,
not its name. Exit code 1 where a file could not be read; it is told, and left out. What else lies
in a folder, as hidden files and texts, is counted and told.
"""

import sys
from pathlib import Path

from absl import flags
from tqdm import tqdm

from zoo.cli import OPTIONAL_PATH, import_tensorflow, run_tool

MODEL = flags.DEFINE_string(
    "model", "", "zoo.list_models() lists them; empty: what the weights say"
)
WEIGHTS = flags.DEFINE_string(
    "weights", None, "imagenet, mnist, a name of the catalogue, a file, or a run's folder",
    required=True,
)
TOP = flags.DEFINE_integer("top", 5, "predictions an image", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "images at once", lower_bound=1)
TRUST = flags.DEFINE_list("trust", [], "packages whose code the weights' file may name")
OUT = flags.DEFINE(OPTIONAL_PATH, "out", "", "a .csv or .json file for the predictions, too")


def main(patterns: list[str]) -> int:
    if not patterns:
        raise ValueError("got no image; expected files, folders or patterns behind the flags")
    if OUT.value and not OUT.value.endswith((".csv", ".json")):
        raise ValueError(f"--out: got {OUT.value}; expected a name that ends in .csv or .json")
    if not Path(OUT.value).parent.is_dir():
        raise ValueError(f"--out: got {OUT.value}; expected a name in a folder that exists")
    import_tensorflow()
    from zoo.data.image_files import HIDDEN, NO_IMAGE, describe
    from zoo.evaluate.predict import as_csv, as_json, find_images, predict_files
    from zoo.files import write_text
    from zoo.printable import visible
    from zoo.weights import create_model

    paths, left_out = find_images(patterns)
    if left_out:
        print(describe(left_out), file=sys.stderr)
    unread = sum(files.count for files in left_out if files.reason not in (HIDDEN, NO_IMAGE))
    model = create_model(MODEL.value or None, weights=WEIGHTS.value, trust=TRUST.value)
    answers, bad = [], unread
    found = predict_files(model, paths, batch_size=BATCH_SIZE.value, top=TOP.value)
    for path, predictions in tqdm(found, total=len(paths), unit=" images", disable=None, delay=2):
        if isinstance(predictions, str):
            tqdm.write(visible(f"{path}: {predictions}"), file=sys.stderr)
            bad += 1
            continue
        answers.append((path, predictions))
        told = ", ".join(f"{name} {100 * share:.1f} %" for _, name, share in predictions)
        tqdm.write(visible(f"{path}: {told}"))
    if OUT.value:
        write_text(Path(OUT.value), (as_csv if OUT.value.endswith(".csv") else as_json)(answers))
    if bad:
        print(f"{bad} of {len(paths) + unread} files could not be read", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    run_tool(main, __doc__, takes_files=True)
