"""What one export is to be, as whatever writes it is told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class Chosen:
    """precision: one of `zoo.export.formats.PRECISIONS`, which the format has.
    representative: images [N, S, S, C] in 0..255 that int8 takes the ranges of its values from.
    on_bad_image: of a SavedModel, one of `zoo.export.formats.ON_BAD_IMAGE`.
    """

    precision: str
    representative: np.ndarray | None = None
    on_bad_image: str = "fail"
