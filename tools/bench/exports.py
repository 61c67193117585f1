"""Every model as a SavedModel, and some in every format: differences, sizes, latency.

    python -m tools.bench.exports --rows=runs/exports.jsonl
    python -m tools.bench.exports --rows=runs/exports.jsonl --page=docs/measurements/exports.md

The first command appends a line of JSON to ROWS for each export and begins again where it was
stopped: the shipped weights in each format and precision, one model of each family in each format
in float32 and, where there is one, int8, then all models as SavedModels. The second only writes
the page. Models without shipped weights have random ones, 10 classes, and images of `--side`
pixels where their layers allow it: what is tried is their structure.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from absl import flags

from zoo.cli import OPTIONAL_PATH, PATH, import_tensorflow, run_tool

ROWS = flags.DEFINE(PATH, "rows", None, "file of the rows", required=True)
PAGE = flags.DEFINE(OPTIONAL_PATH, "page", "", "a page to write from the rows; nothing is measured")
SIDE = flags.DEFINE_integer("side", 96, "height and width of the images, pixels", lower_bound=1)
SECONDS = flags.DEFINE_float("seconds", 2.0, "of each measurement of latency", lower_bound=0.1)

SHIPPED = {"lenet5": "mnist", "efficientnet_lite0": "imagenet"}
GREY = ("lenet", "lenet5", "mlp")  # whose images are digits of 28 pixels
FAMILIES = (
    "mlp", "lenet5", "mobilenet_v3_small_050", "mobilenet_v2_035", "mobilenet_v1_025", "resnet18d",
    "efficientnet_lite0", "googlenet_bn", "inception_v3", "densenet121", "zfnet", "alexnet_owt",
    "vgg11_bn",
)


def main() -> None:
    path = Path(ROWS.value)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if PAGE.value:
        from zoo.files import write_text

        write_text(Path(PAGE.value), page(rows))
        return
    import_tensorflow()
    known = {_key(row) for row in rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    for name, weights, exports in work():
        left = [x for x in exports if (name, weights, *x) not in known]
        if not left:
            continue
        model, images, labels, seen = subject(name, weights)
        for format, precision in left:
            row = {"model": name, "weights": weights, "format": format, "precision": precision,
                   "input": list(model.input_shape[1:])}
            row |= measured(model, format, precision, images, labels, seen,
                            timed=exports is not SAVED_MODEL)
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)


SAVED_MODEL = [("saved_model", "float32")]


def work():
    """Yields (model, weights or "", [(format, precision), ...])."""
    import zoo
    from zoo.export.formats import FORMATS

    for name, weights in SHIPPED.items():
        yield name, weights, [(f, p) for f, form in FORMATS.items() for p in form.bounds]
    for name in FAMILIES:
        yield name, "", [
            (f, p) for f, form in FORMATS.items() if f != "saved_model"
            for p in ("float32", "int8") if p in form.bounds
        ]
    for name in zoo.list_models():
        yield name, "", SAVED_MODEL


def subject(name: str, weights: str):
    """Model, images to compare on, their labels or None, and images that int8 sees."""
    import zoo
    from zoo.data import open_source
    from zoo.export.pictures import of_packages, of_split
    from zoo.weights.preprocessing import Preprocessing

    if weights:
        model = zoo.create_model(name, weights=weights)
    else:
        options = {} if name in GREY else {"input_shape": (SIDE.value, SIDE.value, 3)}
        try:
            model = zoo.create_model(name, num_classes=10, **options)
        except ValueError:  # a layer would have no pixels left
            model = zoo.create_model(name, num_classes=10)
        side, _, channels = model.input_shape[1:]
        model.preprocessing = Preprocessing(
            side, side, "bicubic", (118.0,) * channels, (58.0,) * channels
        )
        model.class_names = tuple("0123456789")
    known = model.preprocessing
    if model.input_shape[3] == 1:
        digits = open_source("mnist5k").splits
        shown = of_split(digits["validation"], known, 1000)
        return (model, shown.images, shown.labels if weights else None,
                of_split(digits["train"], known, 100).images)
    shown = of_packages(known)
    return model, shown.images, None, shown.images


def measured(model, format, precision, images, labels, seen, *, timed) -> dict:
    """The figures of one export, or why there is none."""
    from zoo.export import exporting, formats

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            version = exporting.export_model(
                model, folder, format=format, precision=precision, images=images, labels=labels,
                representative=seen, of="of the benchmark",
            )
        except Exception as error:  # whatever a converter raises is this row's outcome
            return {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        record = exporting.record_of(version)
        row = {name: record["check"][name] for name in
               ("images", "largest_difference", "label_agreement", "accuracy")}
        row |= {"bytes": record["bytes"], "export_s": round(time.perf_counter() - started, 2)}
        if timed:
            run = formats.find(format).module.opened(version)
            row |= speed(run, images.astype("float32"))
    return row


def speed(run, images) -> dict:
    """Milliseconds of an image alone, and images/s in batches of 32."""
    import numpy as np

    one, many = images[:1], np.concatenate([images] * (-(-32 // len(images))))[:32]
    alone, batches = _seconds(run, one), _seconds(run, many)
    return {
        "p50_ms": round(1e3 * statistics.median(alone), 3),
        "p99_ms": round(1e3 * float(np.percentile(alone, 99)), 3), "n_1": len(alone),
        "images_per_s": round(32 / statistics.median(batches), 1), "n_32": len(batches),
    }


def _seconds(run, images) -> list[float]:
    for _ in range(3):
        run(images)
    seconds, end = [], time.perf_counter() + SECONDS.value
    while len(seconds) < 5 or time.perf_counter() < end and len(seconds) < 200:
        started = time.perf_counter()
        run(images)
        seconds.append(time.perf_counter() - started)
    return seconds


def _key(row: dict) -> tuple:
    return row["model"], row["weights"], row["format"], row["precision"]


def page(rows: list[dict]) -> str:
    import zoo

    timed = [row for row in rows if "p50_ms" in row]
    saved = [row for row in rows if row["format"] == "saved_model" and not row["weights"]]
    failed = [row for row in rows if "failed" in row]
    good = [row for row in saved if "failed" not in row]
    lines = ["# Exported models", "", __doc__.split("\n\n")[0], "", _ABOUT, "",
             "## Shipped weights, and one model of each family", "", _HEAD, _RULE]
    lines += [_cells(row) for row in timed]
    lines += ["", f"## Every model as a SavedModel: {len(good)} of {len(zoo.list_models())}", "",
              "| model | images | bytes | largest difference | s to export and check |",
              "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {row['model']} | {_shape(row)} | {row['bytes']:,} | {row['largest_difference']:.1e} | "
        f"{row['export_s']:.1f} |" for row in good
    ]
    lines += ["", "## What could not be exported", ""]
    lines += [f"- {row['model']}, {row['format']} {row['precision']}: {row['failed']}"
              for row in failed] or ["Nothing of the above."]
    return "\n".join(lines) + "\n"


_ABOUT = """\
`python -m tools.bench.exports`, machine A of [the list](README.md), beside other load. The largest
difference is that of any probability from the Keras model's; agreement is the share of equal most
probable classes: of 1,000 validation digits for grey models, of 16 views of two photographs for
others (of random weights all classes are about as probable: agreement says little there). Latency
is of the whole call on the CPU, in the program that the format is for: p50 and p99 of n calls of
one image; images/s in batches of 32, the median of n."""
_HEAD = ("| model | weights | images | format | precision | bytes | largest difference | "
         "agreement | top-1, Keras -> file | p50 ms | p99 ms | n | images/s at 32 | n |")
_RULE = "|" + " --- |" * 14


def _cells(row: dict) -> str:
    accuracy = row["accuracy"]
    top = f"{accuracy['keras']:.3f} -> {accuracy['exported']:.3f}" if accuracy else ""
    cells = [
        row["model"], row["weights"] or "random", _shape(row), row["format"], row["precision"],
        f"{row['bytes']:,}", f"{row['largest_difference']:.1e}", f"{row['label_agreement']:.3f}",
        top, row["p50_ms"], row["p99_ms"], row["n_1"], row["images_per_s"], row["n_32"],
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _shape(row: dict) -> str:
    return "x".join(map(str, row["input"]))


if __name__ == "__main__":
    run_tool(main, __doc__)
