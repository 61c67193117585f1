"""The figures of an evaluation, in numbers and in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from zoo.evaluate import calibration
from zoo.evaluate.comparing import compare
from zoo.evaluate.exact import Predictions
from zoo.evaluate.interval import interval, mean_interval
from zoo.evaluate.kept import Kept

# Points between an accuracy measured here and the published one that other versions of decoders
# and resizing explain.
SAME_POINTS = 0.15
# What the accuracies of the catalogue are of.
PUBLISHED_ON = {
    "imagenet": ("ImageNet's 50000 validation images", 50_000),
    "mnist": ("MNIST's 10000 test images", 10_000),
}
_VERDICTS = {
    True: f"within {SAME_POINTS} points", False: f"not within {SAME_POINTS} points",
    None: "other images, no verdict",
}


def figures_of(predictions: Predictions, images: Sequence[str]) -> dict:
    """What is said of a whole set, as JSON has it.

    predictions: with logits. images: names, for the halves of the temperature's two sets.

    Shares are in 0..1, losses in nats; `..._interval` is the 95 % interval, (low, high). "unusable"
    counts images for which the logits hold a NaN: no answer of theirs is right, the loss is NaN.
    """
    count = len(predictions.labels)
    usable = predictions.predicted >= 0
    correct = predictions.predicted == predictions.labels
    figures = {"images": count, "unusable": int(count - usable.sum())}
    for name, share in (("top_1", predictions.top_1), ("top_5", predictions.top_5)):
        figures |= {name: share, f"{name}_interval": interval(share, count)}
    figures |= {"loss": predictions.loss, "loss_interval": mean_interval(predictions.losses)}
    confidence = calibration.confidence_at(predictions.logits[usable]) if usable.any() else (
        np.zeros(0))
    figures["calibration"] = {
        "bins": calibration.BINS,
        "error": calibration.reliability(confidence, correct[usable]).error,
        "confidence": float(np.mean(confidence)) if len(confidence) else float("nan"),
    }
    half = calibration.first_half(images)
    figures["temperature"] = _temperature(predictions, half & usable, ~half & usable)
    return figures


def _temperature(predictions: Predictions, fitted: np.ndarray, told: np.ndarray) -> dict | None:
    """What scaling by a temperature, fitted on some images, does for others. fitted, told: bool
    [N]. None where one of the two has no image."""
    if not fitted.any() or not told.any():
        return None
    logits, labels = predictions.logits, predictions.labels
    correct = (predictions.predicted == labels)[told]
    temperature = calibration.fit_temperature(logits[fitted], labels[fitted])
    figures = {
        "temperature": temperature,
        "at_bound": temperature in (calibration.COLDEST, calibration.HOTTEST),
        "fitted_on": int(fitted.sum()), "told_on": int(told.sum()),
    }
    for when, degree in (("before", 1.0), ("after", temperature)):
        confidence = calibration.confidence_at(logits[told], degree)
        figures |= {
            f"error_{when}": calibration.reliability(confidence, correct).error,
            f"loss_{when}": calibration.loss_at(logits[told], labels[told], degree),
        }
    return figures


def share_figures(right: np.ndarray, top_5: np.ndarray, images: int) -> dict:
    """Of other labels for the same images: right, top_5: bool [M], of the M of `images` that have
    labels; M at least 1."""
    return {
        "images": len(right), "without_labels": images - len(right),
        "top_1": float(np.mean(right)), "top_1_interval": interval(np.mean(right), len(right)),
        "top_5": float(np.mean(top_5)), "top_5_interval": interval(np.mean(top_5), len(top_5)),
    }


def compared(here: Kept, there: Kept) -> dict:
    """This evaluation and another one of the same images: see zoo/evaluate/comparing.py.

    loss_difference: the mean over images of this one's minus the other's, nats.
    """
    losses = here.losses - there.losses
    return {
        **dataclasses.asdict(compare(here.correct, there.correct)),
        "loss_difference": float(np.mean(losses)), "loss_interval": mean_interval(losses),
    }


def published(dataset: str, top_1: float, figures: dict) -> dict:
    """Beside what was published for `dataset`, "imagenet" or "mnist", in percent.

    "within_0.15_points" is None where these are not as many images as those published.
    """
    name, count = PUBLISHED_ON[dataset]
    difference = round(100 * figures["top_1"] - top_1, 9)  # 75.25 - 75.1 is no more than 0.15
    return {
        "on": name, "top_1": top_1 / 100, "difference_points": difference,
        "within_0.15_points": abs(difference) <= SAME_POINTS if figures["images"] == count else None
    }


def described(figures: dict) -> list[str]:
    """The figures in lines."""
    lines = [
        f"{figures['images']} images, top-1 {percent(figures, 'top_1')}, top-5 "
        f"{percent(figures, 'top_5')}, loss {figures['loss']:.4f} "
        f"({' to '.join(f'{own:.4f}' for own in figures['loss_interval'])}); in brackets: 95 % "
        "intervals",
        f"expected calibration error {100 * figures['calibration']['error']:.2f} % in "
        f"{figures['calibration']['bins']} bins; {_of_temperature(figures['temperature'])}",
    ]
    if figures["unusable"]:
        lines.append(f"{figures['unusable']} images without an answer: NaN among the logits")
    if other := figures.get("real"):
        lines.append(
            f"ReaL labels: {other['images']} images ({other['without_labels']} have none), top-1 "
            f"{percent(other, 'top_1')}, top-5 {percent(other, 'top_5')}"
        )
    if there := figures.get("published"):
        lines.append(
            f"published on {there['on']}: top-1 {100 * there['top_1']:.2f} %, here "
            f"{there['difference_points']:+.2f} points: {_VERDICTS[there['within_0.15_points']]}"
        )
    if other := figures.get("compared"):
        low, high = other["interval"]
        lines.append(
            f"top-1 {100 * other['difference']:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})"
            f" against {other['with']}; right alone: {other['only_first']} images here, "
            f"{other['only_second']} there, McNemar's p {other['p']:.3g}; loss "
            f"{other['loss_difference']:+.4f} "
            f"({' to '.join(f'{own:+.4f}' for own in other['loss_interval'])})"
        )
    return lines


def percent(figures: dict, name: str) -> str:
    """A share with its interval: 98.60 % (97.66 to 99.17)."""
    low, high = figures[f"{name}_interval"]
    return f"{100 * figures[name]:.2f} % ({100 * low:.2f} to {100 * high:.2f})"


def _of_temperature(found: dict | None) -> str:
    if found is None:
        return "too few images for a temperature"
    bound = ", the bound of the search" if found["at_bound"] else ""
    return (
        f"with temperature {found['temperature']:.3g}{bound}, fitted on {found['fitted_on']} "
        f"images, on the other {found['told_on']}: {100 * found['error_before']:.2f} -> "
        f"{100 * found['error_after']:.2f} %, loss {found['loss_before']:.4f} -> "
        f"{found['loss_after']:.4f}"
    )
