"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, with ReLU6 for swish.

Tan & Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks,
arXiv:1905.11946; what Lite changes was published with its code (Liu 2020, Higher accuracy on
vision models with EfficientNet-Lite): the above, and a stem and last convolution that do not
scale. What remains is MobileNet v2 with other rows: its builder makes these networks, with its
options.

The networks of that code, `efficientnet_lite0` (timm's tf_efficientnet_lite0), pad a strided
convolution as TensorFlow does, more on the lower right, and have 1e-3 for the epsilon of the
normalisation; in `efficientnet_lite0_torch` (timm's efficientnet_lite0) both are as in PyTorch.
"""

from __future__ import annotations

from zoo.models import family
from zoo.models.mobilenet_v2 import STRUCTURE, V2Row, mobilenet_v2

_PAPER = (
    "Tan & Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, "
    "arXiv:1905.11946"
)
ROWS = (
    V2Row(3, 1, 16, 1, 1),
    V2Row(3, 6, 24, 2, 2),
    V2Row(5, 6, 40, 2, 2),
    V2Row(3, 6, 80, 3, 2),
    V2Row(5, 6, 112, 3, 1),
    V2Row(5, 6, 192, 4, 2),
    V2Row(3, 6, 320, 1, 1),
)


def _variant(
    side: int, multiplier: float, depth: float, dropout: float, *, tensorflow: bool = True
) -> family.Variant:
    """`side`: of the images. `tensorflow`: its padding and epsilon, or PyTorch's."""
    deltas = {
        "rows": ROWS, "multiplier": multiplier, "depth": depth, "divisor": 8, "fixed_ends": True,
        "default_dropout": dropout, "tensorflow": tensorflow,
    }
    return family.Variant(
        mobilenet_v2, structure=STRUCTURE, deltas=deltas, paper=_PAPER,
        input_shape=(side, side, 3),
    )


MODELS = {
    "efficientnet_lite0": _variant(224, 1.0, 1.0, 0.2),
    "efficientnet_lite1": _variant(240, 1.0, 1.1, 0.2),
    "efficientnet_lite2": _variant(260, 1.1, 1.2, 0.3),
    "efficientnet_lite3": _variant(280, 1.2, 1.4, 0.3),
    "efficientnet_lite4": _variant(300, 1.4, 1.8, 0.3),
    "efficientnet_lite0_torch": _variant(224, 1.0, 1.0, 0.2, tensorflow=False),
    "efficientnet_lite1_torch": _variant(240, 1.0, 1.1, 0.2, tensorflow=False),
    "efficientnet_lite2_torch": _variant(260, 1.1, 1.2, 0.3, tensorflow=False),
    "efficientnet_lite3_torch": _variant(280, 1.2, 1.4, 0.3, tensorflow=False),
    "efficientnet_lite4_torch": _variant(300, 1.4, 1.8, 0.3, tensorflow=False),
}
