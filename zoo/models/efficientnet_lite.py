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
from zoo.models.mobilenet_v2 import Row, mobilenet_v2

_PAPER = (
    "Tan & Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, "
    "arXiv:1905.11946"
)
ROWS = (
    Row(3, 1, 16, 1, 1),
    Row(3, 6, 24, 2, 2),
    Row(5, 6, 40, 2, 2),
    Row(3, 6, 80, 3, 2),
    Row(5, 6, 112, 3, 1),
    Row(5, 6, 192, 4, 2),
    Row(3, 6, 320, 1, 1),
)
# Width, depth, side of the images, dropout.
_SIZES = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 280, 0.3),
    (1.4, 1.8, 300, 0.3),
)
MODELS = {
    f"efficientnet_lite{i}{suffix}": family.Variant(
        mobilenet_v2,
        {
            "rows": ROWS,
            "multiplier": multiplier,
            "depth": depth,
            "divisor": 8,
            "fixed_ends": True,
            "default_dropout": dropout,
            "tensorflow": not suffix,
        },
        _PAPER,
        input_shape=(side, side, 3),
    )
    for i, (multiplier, depth, side, dropout) in enumerate(_SIZES)
    for suffix in ("", "_torch")
}
