"""What a written file answers, beside what the Keras model does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from zoo.export.pictures import Pictures


@dataclasses.dataclass(frozen=True)
class Comparison:
    """images: their number; of: where they are from; largest_difference: of a probability, 0..1;
    label_agreement: share of the images whose most probable class is the same, 0..1;
    bound: what the largest difference may be; accuracy: top-1 of "keras" and "exported", 0..1,
    empty where the labels are not known."""

    images: int
    of: str
    largest_difference: float
    label_agreement: float
    bound: float
    accuracy: Mapping[str, float]

    def fields(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def compare(
    run: Callable[[np.ndarray], np.ndarray], expected: np.ndarray, pictures: Pictures, bound: float
) -> Comparison:
    """Runs the written file, in batches of 16.

    run: images float32 [B, S, S, C] in 0..255 -> probabilities [B, num_classes].
    expected: float32 [N, num_classes], the Keras model's.

    Raises ValueError, in one line, where a probability lies further than `bound` from the
    expected one, or is no number.
    """
    images = pictures.images.astype("float32")
    got = np.concatenate([run(images[i : i + 16]) for i in range(0, len(images), 16)])
    if got.shape != expected.shape:
        raise ValueError(
            f"what was written answers {got.shape} probabilities for {len(images)} images, the "
            f"Keras model {expected.shape}; nothing is kept"
        )
    got = got.astype("float64")
    labels, of_model = got.argmax(axis=1), expected.argmax(axis=1)
    largest = float(np.abs(got - expected).max())
    agreement = float(np.mean(labels == of_model))
    if not largest <= bound:  # NaN is not
        raise ValueError(
            f"what was written differs from the Keras model by {largest:.3g} in a probability, "
            f"over the bound of {bound:g}; on {len(images)} images ({pictures.of}) "
            f"{agreement:.1%} of the labels agree; nothing is kept: choose another precision, or "
            "representative images that are like those of training"
        )
    accuracy = {}
    if pictures.labels is not None:
        accuracy = {"keras": float(np.mean(of_model == pictures.labels)),
                    "exported": float(np.mean(labels == pictures.labels))}
    return Comparison(len(images), pictures.of, largest, agreement, bound, accuracy)


def told(fields: Mapping[str, Any]) -> str:
    """A line or two, of the fields of a Comparison as export.json has them."""
    text = (
        f"checked on {fields['images']} images ({fields['of']}) against the Keras model: largest "
        f"difference of a probability {fields['largest_difference']:.2g} (bound "
        f"{fields['bound']:g}), labels agree on {fields['label_agreement']:.2%}"
    )
    if accuracy := fields["accuracy"]:
        text += (f"\ntop-1 on them: Keras model {accuracy['keras']:.2%}, "
                 f"exported {accuracy['exported']:.2%}")
    return text
