"""report.html and report.md: what they are made of, gathered from a run."""

from __future__ import annotations

import dataclasses
import resource
import shlex
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from zoo.data.bad_images import named_errors
from zoo.data.visit import visit
from zoo.evaluate.exact import Predictions
from zoo.evaluate.interval import interval
from zoo.files import write_text
from zoo.report.diagnose import diagnose
from zoo.report.evaluation_folder import least_surely_right, most_surely_wrong
from zoo.report.run_facts import RunFacts, reached
from zoo.report.run_page import as_html
from zoo.report.thumbnails import Thumbnail, thumbnail
from zoo.runs import evaluations, run_folder
from zoo.train.prepare import Run

PAGE = "report.html"
_MOST_EXAMPLES, _MOST_A_CLASS = 60, 6
_MOST_PREDICTIONS = 24  # wrong ones, and unsure ones


def write_page(run: Run, predictions: Predictions) -> None:
    """report.html as far as the run has come. predictions: of the validation images."""
    draw_examples(run, predictions.labels)
    write_text(run.folder / PAGE, as_html(facts_of(run, {"validation": predictions})))


def facts_of(
    run: Run, predictions: Mapping[str, Predictions], *, finished: bool = False, usage: str = "",
) -> RunFacts:
    """predictions: by split. usage: Python that calls the SavedModel."""
    recipe, source = run.recipe, run.source
    records = run_folder.read_records(run.folder)
    return RunFacts(
        recipe=dataclasses.asdict(recipe),
        changed=recipe.difference(run.published, only_result=True) if run.published else {},
        expected=run.expected,
        class_names=source.class_names,
        images={name: split.num_examples for name, split in source.splits.items()},
        records=records, epochs=recipe.epochs, steps=run.total_steps,
        finished=finished, reached=reached(predictions),
        left=which_evaluation(run, predictions, records) if finished else "",
        diagnosis=diagnose(records),
        confusion=predictions["validation"].confusion(len(source.class_names)),
        skipped=[str(image) for image in source.skipped],
        left_out=[str(files) for files in source.left_out],
        seconds=run.times.seconds, speed=run.times.images_per_second, memory=memory(),
        launches=run_folder.read_launches(run.folder), commands=_commands(run),
        pictures=run.pictures, usage=usage,
    )


def which_evaluation(
    run: Run, predictions: Mapping[str, Predictions], records: Sequence[dict]
) -> str:
    """Which weights the run leaves, what the others had, and whether so many images tell both
    apart: whether the others' accuracy lies outside of the interval."""
    best, last = evaluations.best(records), records[-1]
    name, left, other, there = (
        ("best", best, "last", last) if run.recipe.leaves_best else ("last", last, "best", best)
    )
    told = f"the weights are those of the {name} evaluation, epoch {left['epoch']}"
    if there["epoch"] == left["epoch"]:
        return f"{told}, which is the {other}, too"
    validation = predictions["validation"]
    low, high = interval(validation.top_1, len(validation.labels))
    apart = "in" if low <= there["top_1"] <= high else "outside of"
    return (f"{told}; the {other} one, epoch {there['epoch']}, had {100 * there['top_1']:.2f} %, "
            f"{apart} this interval (tools.export --keep={other})")


def draw_examples(run: Run, labels: np.ndarray) -> None:
    """Of as many classes as there is room for, once a start. labels: int [N], of the validation
    images."""
    if run.pictures.examples:
        return
    names = run.source.class_names
    rows = example_rows(labels, len(names))
    examples = pictures_at(run, rows, [(names[labels[row]],) for row in rows])
    run.pictures = dataclasses.replace(run.pictures, examples=examples)


def example_rows(labels: np.ndarray, num_classes: int) -> list[int]:
    """Of classes in even steps, a few images each."""
    each = max(1, min(_MOST_A_CLASS, _MOST_EXAMPLES // num_classes))
    count = min(num_classes, _MOST_EXAMPLES // each)
    shown = np.unique(np.linspace(0, num_classes - 1, count).astype(int))
    return [int(row) for label in shown for row in np.flatnonzero(labels == label)[:each]]


def draw_predictions(run: Run, rows: Sequence[dict]) -> None:
    """The most surely wrong and the least surely right ones. rows: of `kept.rows_of`."""
    wrong = most_surely_wrong(rows, _MOST_PREDICTIONS)
    unsure = least_surely_right(rows, _MOST_PREDICTIONS)
    places = [*wrong, *unsure]
    drawn = pictures_at(
        run, places, [_told(rows[place]) for place in places],
        [rows[place]["image"] for place in places],
    )
    run.pictures = dataclasses.replace(
        run.pictures, wrong=drawn[: len(wrong)], unsure=drawn[len(wrong) :]
    )


def _told(row: dict) -> tuple[str, str]:
    sure = f"{100 * row['probability']:.0f}\u00a0%"  # not at the end of a line
    return row["label"], sure if row["correct"] else f"taken for {row['answer']}, {sure}"


def pictures_at(
    run: Run, rows: Sequence[int], captions: Sequence[Sequence[str]], names: Sequence[str] = (),
) -> list[Thumbnail]:
    """Of validation images, whole.

    Raises:
      BadImagesError: one that can no longer be read.
    """
    if not rows:
        return []
    split = run.source.splits["validation"]
    # Made small by Pillow: to build a graph that does takes longer than these few images.
    images = visit(split, np.asarray(rows), run.source.channels, lambda image: image,
                   "drawing images")
    names = names or [""] * len(rows)
    with named_errors({"validation": split}):
        return [
            thumbnail(image, lines, name)
            for (image, _), lines, name in zip(images, captions, names, strict=True)
        ]


def memory() -> dict[str, int]:
    """The most bytes that this process has had, by where."""
    # Linux counts kilobytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"this process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    for device in tf.config.list_logical_devices("GPU"):
        found[device.name] = tf.config.experimental.get_memory_info(device.name)["peak"]
    return found


def _commands(run: Run) -> dict[str, str]:
    folder = shlex.quote(str(run.folder))
    launch = run_folder.command_of(run_folder.read_launches(run.folder)[0])
    resumed = launch if "--run_dir" in launch else f"{launch} --run_dir={folder}"
    commands = {
        "Evaluate": f"python -m tools.evaluate --run_dir={folder}",
        "Export": f"python -m tools.export --run_dir={folder} --out=models/{run.recipe.name}",
        "Compare with other runs": f"python -m tools.compare_runs {folder} OTHER",
    }
    return {"Resume": resumed, **commands} if run.command else commands
