"""Many weights over one set, a row of a table each; what is in the table already is not run again.

The columns: weights and the model's name; data and split; image_size and eval_resize, pixels;
images; top_1, top_5 and the 95 % interval of top_1, in percent; what was published (the
catalogue), and the points between; images_per_second, reading included.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras

from zoo.core.runtime import make_strategy
from zoo.data import Source
from zoo.data.views import Views
from zoo.evaluate.interval import interval
from zoo.evaluate.label_sets import match_classes
from zoo.evaluate.several_views import evaluate_views
from zoo.files import write_text
from zoo.weights import catalogue, create_model, preprocessing_of
from zoo.weights.origin import resolve

COLUMNS = (
    "weights", "model", "data", "split", "image_size", "eval_resize", "images", "top_1", "low",
    "high", "top_5", "published_top_1", "points", "images_per_second",
)


def model_of_weights(
    weights: str, name: str | None = None, *, trust: Sequence[str] = ()
) -> keras.Model:
    """The model with its weights, for images of the size that they were evaluated with.

    weights, name, trust: as of `zoo.create_model`.

    Raises ValueError for weights that do not say what their images were like, or others that
    `zoo.create_model` refuses.
    """
    images = preprocessing_of(weights, name)
    if images is None:
        raise ValueError(
            f"--weights: {weights} does not say what its images were like; expected weights of the "
            "catalogue, a file of this zoo, or a run's folder"
        )
    return create_model(name, weights=weights, input_shape=images.input_shape, trust=trust)


def names_of(texts: Sequence[str]) -> list[str]:
    """Weights by name, and by patterns of the catalogue as 'timm:resnet50*', each once.

    Raises ValueError for a pattern that fits none.
    """
    found: dict[str, None] = {}
    for text in texts:
        fitting = [text]
        if any(sign in text for sign in "*?["):
            fitting = [entry.name for entry in catalogue.entries(text)]
        if not fitting:
            raise ValueError(f"--weights: got {text!r}, which fits no name of the catalogue; "
                             "keras-zoo weights lists them")
        found.update(dict.fromkeys(fitting))
    return list(found)


def validate(
    names: Sequence[str], source: Source, split: str, data: str, out: Path, *,
    batch_size: int,
) -> Iterator[tuple[str, dict | Exception]]:
    """Yields each of `names` that `out` has no row for, with its row or what is wrong with it.

    out: the CSV, written anew after each row.

    Raises ValueError for a file that is not such a table, or is of other data.
    """
    rows = read_rows(out, data, split)
    done = {row["weights"] for row in rows}
    for name in names:
        if name in done:
            continue
        try:
            row = _row(name, source, split, batch_size)
        except (ValueError, OSError) as error:
            yield name, error
            continue
        rows.append({"weights": name, "data": data, "split": split, **row})
        write_text(out, as_csv(rows))
        yield name, rows[-1]
        keras.backend.clear_session()


def read_rows(out: Path, data: str, split: str) -> list[dict]:
    """The rows of a table; none where there is no file. Raises ValueError as `validate` does."""
    if not out.exists():
        return []
    with out.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"--out: {out} is no table of this tool; expected a new file, or one")
    for row in rows:
        if (row["data"], row["split"]) != (data, split):
            raise ValueError(f"--out: {out} is of {row['split']} of {row['data']}; expected the "
                             "same data, or another file")
    return rows


def as_csv(rows: Sequence[dict]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(name: str, source: Source, split: str, batch_size: int) -> dict:
    model = model_of_weights(name)
    images = model.preprocessing
    classes = match_classes(source.class_names, model.output.shape[-1], model.class_names).classes
    started = time.perf_counter()
    found = evaluate_views(
        make_strategy(), model, source.splits[split], Views("centre", (images.eval_resize,)),
        mean=images.mean, std=images.std, resizing=images.resizing, batch_size=batch_size,
        classes=classes,
    )
    count, seconds = len(found.labels), time.perf_counter() - started
    low, high = interval(found.top_1, count)
    entry = resolve(name, None)
    known = entry.top_1 if isinstance(entry, catalogue.Entry) else None
    return {
        "model": model.name, "image_size": str(images.image_size),
        "eval_resize": str(images.eval_resize),
        "images": str(count), "top_1": f"{100 * found.top_1:.3f}", "low": f"{100 * low:.3f}",
        "high": f"{100 * high:.3f}", "top_5": f"{100 * found.top_5:.3f}",
        "published_top_1": "" if known is None else f"{known:.3f}",
        "points": "" if known is None else f"{100 * found.top_1 - known:+.3f}",
        "images_per_second": f"{count / seconds:.1f}",
    }
