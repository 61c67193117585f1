"""Augmentation on the device: batched, stateless, compiled by XLA inside the training step.

An op is a frozen dataclass in a file of its own, named as the file is (`pad_crop.py`: `PadCrop`):

    sample(seed, batch_size, image_size) -> parameters   all random numbers, one draw for each image
    apply(images, labels, parameters) -> images, labels  deterministic, in keras.ops
    wants_colour = True                                  where it takes RGB images alone

images: float32 [B, S, S, C] in 0..255; labels: float32 [B, num_classes], rows summing to 1.
seed: int32 [2]. `sample` runs on TensorFlow, and has to be one that XLA compiles (pixels/draw.py);
`apply` on any backend of Keras, with the same result. An op checks its arguments in
`__post_init__`, without TensorFlow.

`parse_policy("flip|pad_crop(2)|mixup(0.2)")` makes a Policy of them, which is a function:
`images, labels = policy(images, labels, seed)`.

| op | what each image draws | paper |
| --- | --- | --- |
| `flip(rate=0.5)`, `flip_up_down(rate=0.5)` | mirrored or not | |
| `pad_crop(pixels)` | corner of the crop | Lee 2015 |
| `rotate(degrees)` | angle in +-degrees, up to 180 | |
| `translate(x, y)` | shares of the side in +-x, +-y, up to 1 | |
| `shear(x, y)` | tangents in +-x, +-y, up to 2 | |
| `zoom(low, high, per_axis=False)` | factor, 0.1 to 10; over 1 enlarges | |
| `brightness(x)`, `contrast(x)`, `saturation(x)` | factor in 1 +- x, up to 1 | Howard 2013 |
| `hue(x)` | half turns in +-x, up to 1 | |
| `hsb(x)` | hue, saturation, brightness as above | Bag of Tricks 2018 |
| `jitter(brightness, contrast, saturation, hue)` | the four as above | Howard 2013 |
| `lighting(alpha)` | N(0, alpha) on each axis of ImageNet's colours | Krizhevsky 2012 |
| `grey(rate)`, `invert(rate=0.5)` | or not | SimCLR 2020 |
| `noise(std)` | deviation in 0..std levels, up to 255 | |
| `blur(sigma)` | deviation in 0..sigma pixels, up to 10 | SimCLR 2020 |
| `sharpness(x)` | factor in 1 +- x, up to 1 | |
| `posterize(bits=4, rate=0.5)` | or not; bits kept, 1 to 7 | |
| `solarize(threshold=128, rate=0.5)` | levels from the threshold on inverted | |
| `autocontrast(rate=0.5)`, `equalize(rate=0.5)` | or not | |
| `erase(rate=0.5, area=(0.02, 0.33), ratio=(.3, 3.3), value=0, noise=0)` | rectangle | Zhong 2017 |
| `cutout(pixels, value=0)` | a square, cut off at the edges | DeVries 2017 |
| `mixup(alpha)` | share from Beta(alpha, alpha), partner | Zhang 2017 |
| `cutmix(alpha=1)` | rectangle of 1 - Beta(alpha, alpha) of the area, partner | Yun 2019 |
| `mixup_or_cutmix(mixup_alpha=0.8, cutmix_alpha=1, cutmix_rate=0.5, whole_batch=False)` | which | |
| `rand_augment(n=2, m=9, std=0, rate=1, operations=paper)` | n operations, m of 10 | Cubuk 2019 |
| `trivial_augment` | one of 14 operations, any magnitude | Mueller 2021 |
| `auto_augment(policy=imagenet)`, `cifar10` | one of 25 pairs of operations | Cubuk 2018 |
| `augmix(severity=3, width=3, alpha=1)` | chains of operations, their weights | Hendrycks 2019 |

Geometric ops take `fill=0` (a level) and `interpolation=bilinear` (or nearest) too. An op of your
own stands in a policy by its address, `package.module:Name(...)`: see examples/own_operation.py. A
policy may begin with preprocessing layers of Keras or KerasCV, as in
`keras.RandomInvert(factor=1.0)|flip`: see zoo/augment/outside. Compile `Policy.apply` with XLA even
where the model is not: RandAugment takes ten times as long without.

Importing this package and its ops, and checking a policy, loads no TensorFlow.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass

from zoo.address import is_address
from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_colour
from zoo.lazy import lazy_module
from zoo.spec import Call, bind, parse_calls

tf = lazy_module("tensorflow")


def list_ops() -> list[str]:
    """Names that a policy may use: the files of this package."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)


def check_policy(spec: str, channels: int = 3) -> None:
    """Checks a policy for images of `channels` channels without loading TensorFlow.

    Of layers of Keras and KerasCV only the form of the name is checked, since their own checks
    need TensorFlow. What an address names is imported.

    Raises ValueError, in one line, for a policy that cannot be read, an unknown op, arguments that
    cannot be, and an op of colour unless there are 3 channels.
    """
    _, calls = _split(parse_calls(spec))
    for call in calls:
        if getattr(_make_op(call), "wants_colour", False):
            require_colour(call.name, channels)


def parse_policy(spec: str) -> Policy:
    """The policy that `spec` names, in its order; the empty spec changes nothing.

    Raises ValueError, in one line, for an unknown op or arguments that cannot be.
    """
    layer_calls, op_calls = _split(parse_calls(spec))
    ops = tuple(_make_op(call) for call in op_calls)
    if not layer_calls:
        return Policy(ops)
    from zoo.augment.outside import make_layer

    return Policy(ops, tuple(make_layer(call) for call in layer_calls))


@dataclass(frozen=True)
class Policy:
    """Keras layers, then ops, one after another."""

    ops: tuple
    layers: tuple = ()

    def __call__(self, images, labels, seed):
        """Draws and applies the whole policy, eagerly or as a part of a graph.

        images: uint8 or float32 [B, S, S, C] in 0..255; labels: float32 [B, num_classes]; seed:
        int32 [2].
        Returns float32 images and labels of the same shapes.
        """
        return self.apply_ops(*self.apply_layers(images, labels, seed), seed)

    def apply_layers(self, images, labels, seed):
        """Runs the Keras layers, not all of which XLA compiles; nothing where there are none.

        images: uint8 or float32 [B, S, S, C] in 0..255; labels as for the ops; seed: of the whole
        policy, int32 [2].
        """
        if not self.layers:
            return images, labels
        from zoo.augment.outside import apply_layers

        return apply_layers(self.layers, images, labels, draw.fold_in(seed, len(self.ops)))

    def apply_ops(self, images, labels, seed, apply: Callable | None = None):
        """Draws and applies the ops, behind `apply_layers` and with the same arguments.

        apply: what to call instead of `self.apply`, as that compiled by XLA.
        """
        drawn = self.sample(seed, images.shape[0], images.shape[1])
        return (apply or self.apply)(tf.cast(images, tf.float32), labels, drawn)

    def sample(self, seed, batch_size: int, image_size: int) -> list:
        """Draws every op's parameters. seed: int32 [2]; each op folds in its own place."""
        return [
            op.sample(draw.fold_in(seed, place), batch_size, image_size)
            for place, op in enumerate(self.ops)
        ]

    def apply(self, images, labels, parameters: list):
        """Applies every op with what `sample` drew for it: deterministic, on any backend."""
        for op, drawn in zip(self.ops, parameters, strict=True):
            images, labels = op.apply(images, labels, drawn)
        return images, labels


def _make_op(call: Call) -> object:
    """The op that a call names: a file of this package, or an address."""
    choices = {}
    if not is_address(call.name):
        module = importlib.import_module(f"{__name__}.{call.name}")
        name = "".join(word.capitalize() for word in call.name.split("_"))
        choices = {call.name: getattr(module, name)}
    op = bind(call, choices, "operation")
    for method in ("sample", "apply"):
        if not callable(getattr(op, method, None)):
            raise ValueError(
                f"operation {call.name}: got {type(op).__name__}, which has no method {method}; "
                "expected a class with sample(seed, batch_size, image_size) and "
                "apply(images, labels, parameters)"
            )
    return op


def _split(calls: list[Call]) -> tuple[list[Call], list[Call]]:
    """(calls of Keras layers, calls of ops); raises ValueError for a name that is neither."""
    names = list_ops()
    layers, ops = [], []
    for call in calls:
        if re.fullmatch(r"keras(_cv)?\.\w+", call.name):
            if ops:
                raise ValueError(
                    f"got {call.name} behind {ops[-1].name}; expected layers before all "
                    "operations: they run outside the compiled region"
                )
            layers.append(call)
        elif call.name in names or is_address(call.name):
            ops.append(call)
        else:
            raise ValueError(
                f"got operation {call.name!r}; expected some of {names}, or package.module:Name"
            )
    return layers, ops
