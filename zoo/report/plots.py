"""The pictures of a run's report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.files import written_aside

# Above this many classes a cell has no room for its number, nor a class for its name.
MOST_WRITTEN = 20


def draw_curves(records: list[dict], path: Path) -> None:
    """Loss, top-1 and learning rate by epoch, from the records of metrics.jsonl, as a PNG."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    epochs = [record["epoch"] for record in records]
    loss, accuracy, rate = figure.subplots(1, 3)
    style = {"marker": "o", "markersize": 3} if len(records) < 40 else {}

    def draw(axes, key: str, label: str, scale: float = 1.0):
        axes.plot(epochs, [scale * record[key] for record in records], label=label, **style)

    draw(loss, "train_loss", "training (augmented)")
    draw(loss, "loss", "validation")
    loss.set(title="Loss", ylabel="nats", yscale="log")
    draw(accuracy, "train_top_1", "training (augmented)", 100)
    draw(accuracy, "top_1", "validation", 100)
    accuracy.set(title="Top-1 accuracy", ylabel="%")
    draw(rate, "learning_rate", "learning rate")
    rate.set(title="Learning rate, end of the epoch")
    for axes in (loss, accuracy):
        axes.legend()
    for axes in (loss, accuracy, rate):
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    write_figure(figure, path)


def draw_confusion(confusion: np.ndarray, class_names: tuple[str, ...], path: Path) -> None:
    """Confusion matrix (rows: labels) as a PNG, coloured by share of the row.

    confusion: int [C, C]. With more than MOST_WRITTEN classes names and numbers are left out.
    """
    count = len(class_names)
    written = count <= MOST_WRITTEN
    side = 2.5 + 0.5 * count if written else 9
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    shares = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, interpolation="nearest")
    figure.colorbar(image, label="% of the class", shrink=0.8)
    axes.set(title="Confusion matrix, validation images", xlabel="predicted", ylabel="label")
    if written:
        axes.set_xticks(range(count), class_names, rotation=45, ha="right")
        axes.set_yticks(range(count), class_names)
        for (row, column), number in np.ndenumerate(confusion):
            if number:
                colour = "white" if shares[row, column] > 60 else "black"
                axes.text(column, row, number, ha="center", va="center", color=colour, fontsize=8)
    write_figure(figure, path)


def write_figure(figure: Figure, path: Path) -> None:
    """As a PNG: the whole file or nothing."""
    # The Agg canvas, not pyplot: no display, no global state of the user's.
    with written_aside(path) as aside:
        FigureCanvasAgg(figure).print_png(aside)
