"""The pictures of a run's report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from zoo.files import written_aside
from zoo.printable import visible
from zoo.report.chart import Panel, log_bottom

# Above this many classes a cell has no room for its number, nor a class for its name.
MOST_WRITTEN = 20
# Longer names would take more room than the matrix.
_LONGEST_NAME = 24
# Epochs of a run up to which each is a dot, too: one alone makes no line.
_MOST_DOTS = 40


def draw_curves(records: list[dict], path: Path) -> None:
    """Loss, top-1 and learning rate by epoch, from the records of metrics.jsonl, as a PNG.

    A ring marks the best validation. The loss and the rate are drawn on a logarithmic scale where
    they change by more than ten times.
    """
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    epochs = [record["epoch"] for record in records]
    loss, accuracy, rate = figure.subplots(1, 3)
    style = {"marker": "o", "markersize": 3} if len(records) <= _MOST_DOTS else {"linewidth": 1}

    def draw(axes, key: str, label: str, scale: float = 1.0):
        axes.plot(epochs, [scale * record[key] for record in records], label=label, **style)

    for axes, key, title, unit, scale, best in (
        (loss, "loss", "Loss", "nats", 1, min), (accuracy, "top_1", "Top-1 accuracy", "%", 100, max)
    ):
        draw(axes, f"train_{key}", "training (augmented images)", scale)
        draw(axes, key, "validation", scale)
        record = best(records, key=lambda record, key=key: record[key])
        value = scale * record[key]
        axes.plot(record["epoch"], value, "o", markersize=9, fillstyle="none", color="black",
                  label="best validation")
        axes.set(title=f"{title}: best {value:.4g} {unit}, epoch {record['epoch']}", ylabel=unit)
    draw(rate, "learning_rate", "learning rate")
    rate.set(title="Learning rate, end of the epoch")
    _logarithmic(loss)
    _logarithmic(rate)
    for axes in (loss, accuracy, rate):
        axes.set_xlabel("epoch")
        axes.set_xlim(0, epochs[-1] + max(0.02 * epochs[-1], 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
    # One for all, where no curve can be.
    figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    write_figure(figure, path)


def draw_panels(panels: Sequence[Panel], path: Path) -> None:
    """Lines over epochs, side by side, as a PNG; one legend for all, of the first panel."""
    figure = Figure(figsize=(4 * len(panels), 4.2), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for line in panel.lines:
            axes.plot(line.x, line.y, "--" if line.dashed else "-", color=f"C{line.colour - 1}",
                      marker="." if len(line.x) <= _MOST_DOTS else "", linewidth=1,
                      label=shortened(visible(line.label)).lstrip("_"))
        axes.set(title=panel.title, ylabel=panel.unit, xlabel="epoch")
        axes.grid(alpha=0.3)
        if panel.may_be_log:
            _logarithmic(axes)
    names = figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center",
                          ncols=3)
    for text in names.get_texts():
        text.set_parse_math(False)
    write_figure(figure, path)


def _logarithmic(axes: Axes) -> None:
    """Makes the y axis logarithmic where its values differ by more than ten times."""
    bottom = log_bottom(np.concatenate([line.get_ydata() for line in axes.lines]).astype(float))
    if bottom is None:
        return
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(bottom=bottom)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def draw_confusion(
    confusion: np.ndarray, class_names: tuple[str, ...], path: Path, *,
    title: str = "Validation images", pairs: Sequence[tuple[int, int, int]] = (),
) -> None:
    """Confusion matrix (rows: true classes) as a PNG, coloured by share of the row.

    confusion: int [C, C]. With more than MOST_WRITTEN classes names and numbers are left out, and
        small shares are shown darker than they are, so that single mistakes can be seen; beside it
        are `pairs`, the most frequent mistakes: (images, label, answer). A number stands by each.
    """
    count = len(class_names)
    written = count <= MOST_WRITTEN
    names = [shortened(visible(name)) for name in class_names]
    # Inches: the cells, and room for the names along both axes.
    side = max(0.5 * count, 2.5) + 0.07 * max(map(len, names)) if written else 8
    listed = not written and len(pairs) > 0
    figure = Figure(figsize=(side + 2 + 5 * listed, side + 1), layout="constrained",
                    dpi=100 if written else 160)
    axes = figure.subplots(1, 1 + listed, width_ratios=(8, 4) if listed else None, squeeze=False)
    matrix = axes[0, 0]
    shares = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = matrix.imshow(
        shares, cmap="Blues", norm=PowerNorm(1 if written else 0.4, vmin=0, vmax=100),
        interpolation="nearest" if written else "antialiased",
    )
    figure.colorbar(image, ax=matrix, label="% of the true class", shrink=0.8)
    matrix.set_title(visible(title), parse_math=False, wrap=True)
    matrix.set(xlabel="predicted class", ylabel="true class")
    if written:
        # Names are no formulas, whatever dollars are in them.
        matrix.set_xticks(range(count), names, rotation=45, ha="right", parse_math=False)
        matrix.set_yticks(range(count), names, parse_math=False)
        for (row, column), number in np.ndenumerate(confusion):
            if number:
                colour = "white" if shares[row, column] > 60 else "black"
                matrix.text(column, row, number, ha="center", va="center", color=colour, fontsize=8)
    if listed:
        _list_pairs(matrix, axes[0, 1], pairs, names)
    write_figure(figure, path)


def _list_pairs(
    matrix: Axes, beside: Axes, pairs: Sequence[tuple[int, int, int]], names: Sequence[str]
) -> None:
    """The most frequent mistakes in words, and a ring with their number on the matrix."""
    beside.set_axis_off()
    beside.set_title("most frequent mistakes", loc="left")
    for number, (count, label, answer) in enumerate(pairs, start=1):
        matrix.plot(answer, label, "o", markersize=9, fillstyle="none", color="tab:red",
                    markeredgewidth=0.8)
        # Away from the diagonal, or those of a pair and its mirror image lie on each other.
        place = {"xytext": (4, 4)} if answer > label else {"xytext": (-4, -4), "ha": "right",
                                                           "va": "top"}
        matrix.annotate(str(number), (answer, label), textcoords="offset points",
                        color="tab:red", fontsize=7, **place)
        beside.text(0, 1 - number / (len(pairs) + 1),
                    f"{number}. {names[label]} ({label})\n    taken for {names[answer]} ({answer})"
                    f": {count}", fontsize=8, va="center", parse_math=False,
                    transform=beside.transAxes)


def shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME - 1]}…"


def write_figure(figure: Figure, path: Path) -> None:
    """As a PNG: the whole file or nothing."""
    # The Agg canvas, not pyplot: no display, no global state of the user's.
    with written_aside(path) as aside:
        FigureCanvasAgg(figure).print_png(aside)
