"""Where a network's memory, parameters and operations lie, and all networks of the zoo beside each
other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import zoo.models
from zoo.explain.table import Row, layer_table, totals
from zoo.files import written_aside
from zoo.progress import with_progress
from zoo.weights import catalogue
from zoo.weights.unallocated import shapes_of

_MOST_BARS = 24


@dataclasses.dataclass(frozen=True)
class Costs:
    """A network of the zoo. top_1: percent on ImageNet of the default weights, as published; None
    where there are none. memory_mb: of all rows of its table, one image, float32."""

    name: str
    family: str
    top_1: float | None
    parameters: int
    operations: int
    memory_mb: float


def draw_bars(rows: Sequence[Row], title: str, path: Path) -> None:
    """Three charts as a PNG: memory, parameters and operations, a bar a layer; of a network of more
    layers a bar a block, those whose names begin alike."""
    names, sums = _grouped(rows)
    whole = totals(rows)
    figure = Figure(figsize=(12, 1.6 + 0.26 * len(names)), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    heads = (f"memory: {whole[0] / 1024:,.1f} MB", f"parameters: {whole[1] / 1e6:,.1f} M",
             f"multiply-adds: {whole[2] / 1e6:,.0f} M")
    for panel, head, values, total, colour in zip(
        panels, heads, zip(*sums, strict=True), whole, ("#4878a8", "#c44e52", "#55a868"),
        strict=True,
    ):
        shares = [100 * value / total for value in values]
        bars = panel.barh(range(len(names)), shares, color=colour)
        panel.bar_label(bars, [f"{x:.0f}" if x >= 0.5 else "" for x in shares], padding=2,
                        fontsize=8)
        panel.set_title(head, fontsize=10)
        panel.set(xlabel="%", xlim=(0, 1.12 * max(shares)))
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    panels[0].invert_yaxis()
    figure.suptitle(title, parse_math=False)
    with written_aside(path) as aside:
        FigureCanvasAgg(figure).print_png(aside)


def costs_of_zoo(names: Iterable[str] | None = None) -> list[Costs]:
    """Of all networks for images of ImageNet, or those named; built without values."""
    accuracies = {
        name: entry.top_1 for entry in catalogue.entries() for name in entry.default_of
        if entry.dataset == "imagenet" and entry.top_1 is not None
    }
    digits = {"lenet", "lenet5", "mlp"}
    names = [x for x in zoo.models.list_models() if x not in digits] if names is None else [*names]
    found = []
    for name in with_progress(names, len(names), "networks"):
        memory, parameters, operations = totals(layer_table(shapes_of(name)))
        found.append(Costs(name, zoo.models.family_of(name), accuracies.get(name), parameters,
                           operations, memory / 1024))
    return found


def draw_zoo(costs: Sequence[Costs], path: Path) -> None:
    """Top-1 by operations and by memory of the activations as a PNG, a dot a network, as large as
    its parameters; below, networks whose accuracy nobody has published."""
    figure = Figure(figsize=(15, 8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    families = list(dict.fromkeys(own.family for own in costs))
    known = [own for own in costs if own.top_1 is not None]
    floor = min(own.top_1 for own in known) - 4
    for panel, value, label in (
        (panels[0], lambda own: own.operations / 1e9, "multiply-adds of an image, billions"),
        (panels[1], lambda own: own.memory_mb, "memory of the activations of an image, MB"),
    ):
        for number, family in enumerate(families):
            own = [x for x in costs if x.family == family]
            panel.scatter(
                [value(x) for x in own], [x.top_1 or floor for x in own],
                s=[4 + 3 * x.parameters / 1e6 for x in own], alpha=0.55, label=family,
                color=f"C{number}" if number < 10 else "black", linewidths=0,
            )
        panel.set_xscale("log")
        panel.set_xlabel(label)
        panel.axhline(floor + 1.5, color="grey", linewidth=0.8, linestyle=":")
        panel.text(0.01, floor + 1.7, "below: no published accuracy", fontsize=8, color="grey",
                   transform=panel.get_yaxis_transform())
        panel.grid(alpha=0.25)
        for own in _apart(_frontier(known, value)):
            panel.annotate(own.name, (value(own), own.top_1), xytext=(-5, 5), fontsize=7,
                           textcoords="offset points", ha="right")
        panel.set_xlim(left=0.15 * min(map(value, costs)))
    panels[0].set_ylabel("top-1 on ImageNet of the default weights, %, as published")
    legend = figure.legend(*panels[0].get_legend_handles_labels(), title="area: parameters",
                           loc="outside right upper", fontsize=8)
    for handle in legend.legend_handles:
        handle.set_sizes([40])
    with written_aside(path) as aside:
        FigureCanvasAgg(figure).print_png(aside)


def _frontier(costs: Sequence[Costs], value) -> list[Costs]:
    """Those that no other beats with less."""
    found: list[Costs] = []
    for own in sorted(costs, key=lambda own: (value(own), -own.top_1)):
        if not found or own.top_1 > found[-1].top_1:
            found.append(own)
    return found


def _apart(costs: Sequence[Costs]) -> list[Costs]:
    """From the best on, those whose names do not lie on each other."""
    found: list[Costs] = []
    for own in reversed(costs):
        if all(abs(other.top_1 - own.top_1) > 0.9 for other in found):
            found.append(own)
    return found


def _grouped(rows: Sequence[Row]) -> tuple[list[str], list[tuple[float, int, int]]]:
    """Names and sums of the bars: layers, or what begins with the same two words, or one."""
    for words in (None, 2, 1):
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault("_".join(row.name.split("_")[:words]), []).append(row)
        if len(groups) <= _MOST_BARS:
            break
    return list(groups), [totals(own) for own in groups.values()]
