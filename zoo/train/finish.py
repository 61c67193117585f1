"""What a finished run leaves: the trained model as model.safetensors, from which all else is made:
model.keras and the SavedModel; summary.json, report.md and two pictures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np

from zoo.data import Source
from zoo.evaluate.exact import Predictions
from zoo.evaluate.interval import interval
from zoo.evaluate.per_class import confused_pairs
from zoo.export.exporting import export_model, usage
from zoo.export.keras_file import save_keras
from zoo.export.pictures import of_split
from zoo.files import write_text
from zoo.printable import markdown, visible
from zoo.recipe import Recipe
from zoo.report import plots
from zoo.report.diagnose import diagnose
from zoo.runs import evaluations, run_folder
from zoo.weights import artefact, model_from
from zoo.weights.card import card_of_recipe
from zoo.weights.local import values_of

_CHECKED = 64  # images on which the SavedModel is compared with the Keras model


def finish(
    recipe: Recipe, folder: Path, source: Source, predictions: dict[str, Predictions],
    values: dict[str, np.ndarray],
) -> None:
    """Writes them into `folder` and prints where they are.

    predictions: by split, "validation" and perhaps "test". values: variable path -> value.
    """
    records = run_folder.read_records(folder)
    class_names = source.class_names
    model = trained_model(recipe, folder, class_names, predictions, values)
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
    plots.draw_curves(records, folder / "curves.png")
    confusion = predictions["validation"].confusion(len(class_names))
    plots.draw_confusion(confusion, class_names, folder / "confusion.png")
    write_text(folder / "report.md", report(summary, recipe, confusion, class_names))
    # The last one: where it is, the run has finished.
    write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    print(_farewell(summary, folder))


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


def report(summary: dict, recipe: Recipe, confusion, class_names: tuple[str, ...]) -> str:
    """The run as Markdown, to be read beside its pictures."""
    rows = [
        f"| {split} | {summary['images'][split]} | {100 * summary[split]['top_1']:.2f} "
        f"({_interval(summary, split)}) | "
        f"{100 * summary[split]['top_5']:.2f} | {summary[split]['loss']:.4f} |"
        for split in ("validation", "test") if split in summary
    ]
    title = [markdown(summary[name]) for name in ("recipe", "model", "data")]
    lines = [
        f"# {title[0]}: {title[1]} on {title[2]}", "",
        "| split | images | top-1, % (95 % interval) | top-5, % | loss, nats |",
        "| --- | --- | --- | --- | --- |",
        *rows, "",
        f"{summary['images']['train']} training images, {summary['epochs']} epochs, "
        f"{summary['steps']} steps in {summary['seconds']:.0f} s "
        f"({summary['images_per_second']:.0f} images/s, evaluation included). "
        f"{_which_evaluation(summary).capitalize()}.", "",
        "![Loss, accuracy and learning rate by epoch](curves.png)", "",
        "What the curves say:", "",
        *(f"- {line}" for line in summary["diagnosis"] or ["no fault that the rules know"]), "",
        "![Confusion matrix of the validation images](confusion.png)", "",
        "Most frequent confusions (validation):", "",
        *_confusions(confusion, class_names), "",
    ]
    if summary["skipped_images"]:
        lines += [f"Training images that cannot be read and were left out: "
                  f"{len(summary['skipped_images'])}", "",
                  *(f"- {markdown(image)}" for image in summary["skipped_images"]), ""]
    if summary["left_out_files"]:
        lines += ["Files of the data's folder that were not taken:", "",
                  *(f"- {markdown(files)}" for files in summary["left_out_files"]), ""]
    if "saved_model" in summary:
        lines += ["To call the exported model:", "", "```python",
                  usage(Path(summary["saved_model"])), "```", ""]
    lines += ["Recipe:", "", "```json", json.dumps(dataclasses.asdict(recipe), indent=2), "```", ""]
    return "\n".join(lines)


def _confusions(confusion, class_names: tuple[str, ...], most: int = 5) -> list[str]:
    return [
        f"- {markdown(class_names[label])} taken for {markdown(class_names[answer])}: {count}"
        for count, label, answer in confused_pairs(confusion, most)
    ] or ["- none"]


def _which_evaluation(summary: dict) -> str:
    """Which weights the run leaves, what the others had, and whether so many images tell both
    apart: whether the others' accuracy lies outside of the interval."""
    left = summary["left"]
    other = "last" if left["evaluation"] == "best" else "best"
    there = summary[f"{other}_validation"]
    told = f"the weights are those of the {left['evaluation']} evaluation, epoch {left['epoch']}"
    if there["epoch"] == left["epoch"]:
        return f"{told}, which is the {other}, too"
    low, high = interval(summary["validation"]["top_1"], summary["images"]["validation"])
    apart = "in" if low <= there["top_1"] <= high else "outside of"
    return (f"{told}; the {other} one, epoch {there['epoch']}, had {100 * there['top_1']:.2f} %, "
            f"{apart} this interval (tools.export --keep={other})")


def _interval(summary: dict, split: str) -> str:
    low, high = interval(summary[split]["top_1"], summary["images"][split])
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _farewell(summary: dict, folder: Path) -> str:
    lines = [
        f"{split}: top-1 {100 * summary[split]['top_1']:.2f} % (95 % interval "
        f"{_interval(summary, split)}), top-5 {100 * summary[split]['top_5']:.2f} %, "
        f"{summary['images'][split]} images"
        for split in ("validation", "test") if split in summary
    ]
    lines += [
        _which_evaluation(summary),
        f"report: {visible(folder / 'report.md')}",
        f"trained model: {visible(folder / artefact.NAME)}",
        f"Keras model: {visible(summary['keras_model'])}",
    ]
    if "saved_model" in summary:
        path = summary["saved_model"]
        lines += [f"SavedModel: {visible(path)}", "", usage(Path(path))]
    return "\n".join(lines)
