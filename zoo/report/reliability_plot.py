"""The reliability diagram: how often answers of a stated probability are right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.evaluate.calibration import Reliability
from zoo.report.plots import write_figure


def draw_reliability(
    found: Reliability, path: Path, *, scaled: tuple[float, Reliability] | None = None
) -> None:
    """Accuracy by confidence and, below, the number of images in each bin, as a PNG.

    scaled: a temperature and what is found with it, as a line over the bars.
    """
    figure = Figure(figsize=(6, 7), layout="constrained", dpi=120)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    edges, width = found.edges[:-1], np.diff(found.edges)
    above.bar(edges, found.accuracy, width, align="edge", edgecolor="white",
              label=f"accuracy; calibration error {100 * found.error:.2f} %")
    above.plot([0, 1], [0, 1], "--", color="black", linewidth=1, label="as right as it says")
    if scaled is not None:
        temperature, after = scaled
        above.plot(after.confidence, after.accuracy, "o-", color="tab:orange",
                   label=f"with temperature {temperature:.3g}, other half: "
                   f"{100 * after.error:.2f} %")
    above.set(ylabel="share of right answers", ylim=(0, 1.02), xlim=(0, 1.01))
    figure.legend(loc="outside upper center")
    below.bar(edges, found.counts, width, align="edge", color="tab:grey", edgecolor="white")
    below.set(xlabel="confidence: the answer's probability", ylabel="images")
    below.set_yscale("log" if found.counts.max() > 100 else "linear")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    write_figure(figure, path)
