"""report.md of a run."""

from __future__ import annotations

import json

from zoo.evaluate.per_class import confused_pairs
from zoo.printable import markdown
from zoo.report.run_facts import RunFacts

_MOST_PAIRS = 5


def as_markdown(facts: RunFacts) -> str:
    """The run, to be read beside curves.png and confusion.png."""
    recipe, model, data = map(markdown, facts.title)
    last = facts.records[-1]
    lines = [
        f"# {recipe}: {model} on {data}", "",
        "| split | images | top-1, % (95 % interval) | top-5, % | loss, nats |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {own.split} | {own.images} | {100 * own.top_1:.2f} ({100 * own.interval[0]:.1f} to "
          f"{100 * own.interval[1]:.1f}) | {100 * own.top_5:.2f} | {own.loss:.4f} |"
          for own in facts.reached), "",
        f"{facts.images['train']} training images, {last['epoch']} epochs, {last['step']} steps in "
        f"{last['seconds']:.0f} s ({facts.images_per_second:.0f} images/s, evaluation included). "
        f"{facts.left[:1].upper()}{facts.left[1:]}.", "",
        *([f"The recipe tells: {markdown(facts.expected)}", ""] if facts.expected else []),
        "![Loss, accuracy and learning rate by epoch](curves.png)", "",
        "What the curves say:", "",
        *(f"- {line}" for line in facts.diagnosis or ["no fault that the rules know"]), "",
        "![Confusion matrix of the validation images](confusion.png)", "",
        "Most frequent confusions (validation):", "",
        *_confusions(facts), "",
        *_images_left_out(facts),
    ]
    if facts.usage:
        lines += ["To call the exported model:", "", "```python", facts.usage, "```", ""]
    lines += ["Recipe:", "", "```json", json.dumps(dict(facts.recipe), indent=2), "```", ""]
    return "\n".join(lines)


def _confusions(facts: RunFacts) -> list[str]:
    names = facts.class_names
    return [
        f"- {markdown(names[label])} taken for {markdown(names[answer])}: {count}"
        for count, label, answer in confused_pairs(facts.confusion, _MOST_PAIRS)
    ] or ["- none"]


def _images_left_out(facts: RunFacts) -> list[str]:
    lines = []
    if facts.skipped:
        lines += [f"Training images that cannot be read and were left out: {len(facts.skipped)}",
                  "", *(f"- {markdown(image)}" for image in facts.skipped), ""]
    if facts.left_out:
        lines += ["Files of the data's folder that were not taken:", "",
                  *(f"- {markdown(files)}" for files in facts.left_out), ""]
    return lines
