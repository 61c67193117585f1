"""What a finished run leaves: the trained model as model.safetensors, from which all else is made:
model.keras and the SavedModel; summary.json, predictions.csv, report.html, report.md and two
pictures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np

from zoo.data import Source
from zoo.evaluate import kept
from zoo.evaluate.exact import Predictions
from zoo.evaluate.label_sets import image_names
from zoo.export.exporting import export_model, usage
from zoo.export.keras_file import save_keras
from zoo.export.pictures import of_split
from zoo.files import write_text
from zoo.printable import visible
from zoo.recipe import Recipe
from zoo.report import plots
from zoo.report.diagnose import diagnose
from zoo.report.run_facts import RunFacts
from zoo.report.run_markdown import as_markdown
from zoo.report.run_page import as_html
from zoo.runs import evaluations, run_folder
from zoo.train.prepare import Run
from zoo.train.reporting import PAGE, draw_examples, draw_predictions, facts_of
from zoo.weights import artefact, model_from
from zoo.weights.card import card_of_recipe
from zoo.weights.local import values_of

_CHECKED = 64  # images on which the SavedModel is compared with the Keras model


def finish(run: Run, predictions: dict[str, Predictions]) -> None:
    """Writes them into the run's folder and prints where they are.

    predictions: by split, "validation" and perhaps "test".
    """
    recipe, folder, source = run.recipe, run.folder, run.source
    records = run_folder.read_records(folder)
    class_names = source.class_names
    model = trained_model(recipe, folder, class_names, predictions, run.values())
    artefact.write(folder / artefact.NAME, values_of(model), model.card)
    keras_file = folder / "model.keras"
    save_keras(model, keras_file)
    summary = summarise(recipe, source, records, predictions, model)
    if recipe.export:
        shown = of_split(source.splits["validation"], model.preprocessing, _CHECKED)
        version = export_model(
            model, folder / "export", images=shown.images, labels=shown.labels,
            of=f"validation of {recipe.data}",
        )
        summary["saved_model"] = str(version)
    summary["keras_model"] = str(keras_file)
    facts = write_reports(run, predictions, usage(version) if recipe.export else "")
    # The last one: where it is, the run has finished.
    write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    print(_farewell(summary, facts, folder))


def write_reports(run: Run, predictions: dict[str, Predictions], usage: str) -> RunFacts:
    """Writes predictions.csv, the two pictures and the two reports. usage: of the SavedModel."""
    folder, names = run.folder, run.source.class_names
    # As it was opened: images that are kept in memory since have no names.
    opened = run.source.as_opened or run.source.splits
    rows = kept.rows_of(predictions["validation"], image_names(opened["validation"]), names)
    write_text(folder / kept.NAME, kept.as_csv(rows))
    draw_examples(run, predictions["validation"].labels)  # a start without a step has none yet
    draw_predictions(run, rows)
    facts = facts_of(run, predictions, finished=True, usage=usage)
    plots.draw_curves(facts.records, folder / "curves.png")
    plots.draw_confusion(facts.confusion, names, folder / "confusion.png")
    write_text(folder / "report.md", as_markdown(facts))
    write_text(folder / PAGE, as_html(facts, (folder / "confusion.png").read_bytes()))
    return facts


def trained_model(
    recipe: Recipe, folder: Path, class_names: tuple[str, ...],
    predictions: dict[str, Predictions], values: dict[str, np.ndarray],
) -> keras.Model:
    """The run's model in float32, without the auxiliary classifiers of training; on its card what
    began the run and what it reached."""
    card = card_of_recipe(
        dataclasses.asdict(recipe), class_names, accuracies=accuracies(predictions),
        **run_folder.provenance(folder),
    )
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        return model_from(card, values)
    finally:
        keras.config.set_dtype_policy(policy)


def accuracies(predictions: dict[str, Predictions]) -> dict[str, dict[str, float]]:
    """By split: loss in nats, top_1 and top_5 in 0..1."""
    return {
        split: {"loss": p.loss, "top_1": p.top_1, "top_5": p.top_5}
        for split, p in predictions.items()
    }


def summarise(
    recipe: Recipe, source: Source, records: list[dict], predictions: dict[str, Predictions], model
) -> dict:
    """The run in numbers: accuracies in 0..1, seconds of wall clock from the first step on,
    compilation, evaluations and checkpoints included."""
    best, last = evaluations.best(records), records[-1]
    left = best if recipe.leaves_best else last
    return {
        "recipe": recipe.name,
        "model": recipe.model,
        "data": recipe.data,
        "skipped_images": [str(image) for image in source.skipped],
        "left_out_files": [str(files) for files in source.left_out],
        "images": {name: split.num_examples for name, split in source.splits.items()},
        "parameters": model.count_params(),
        "epochs": records[-1]["epoch"],
        "steps": records[-1]["step"],
        "seconds": records[-1]["seconds"],
        "images_per_second": round(
            records[-1]["step"] * recipe.batch_size / records[-1]["seconds"], 1
        ),
        **accuracies(predictions),
        "left": {"evaluation": "best" if recipe.leaves_best else "last", "epoch": left["epoch"]},
        "best_validation": {"epoch": best["epoch"], "top_1": best["top_1"]},
        "last_validation": {"epoch": last["epoch"], "top_1": last["top_1"]},
        "diagnosis": diagnose(records),
    }


def _farewell(summary: dict, facts: RunFacts, folder: Path) -> str:
    lines = [
        f"{own.split}: top-1 {100 * own.top_1:.2f} % (95 % interval {100 * own.interval[0]:.1f} to "
        f"{100 * own.interval[1]:.1f}), top-5 {100 * own.top_5:.2f} %, {own.images} images"
        for own in facts.reached
    ]
    lines += [
        facts.left,
        f"report: {visible(folder / PAGE)}",
        f"trained model: {visible(folder / artefact.NAME)}",
        f"Keras model: {visible(summary['keras_model'])}",
    ]
    if facts.usage:
        lines += [f"SavedModel: {visible(summary['saved_model'])}", "", facts.usage]
    return "\n".join(lines)
