"""Augmentation on the device: batched, stateless, compiled by XLA inside the training step.

An op is a frozen dataclass in a file of its own, named as the file is (`pad_crop.py`: `PadCrop`):

    sample(seed, batch_size, image_size) -> parameters   all the randomness, one draw an image
    apply(images, labels, parameters) -> images, labels  deterministic, in keras.ops

images: float32 [B, S, S, C] in 0..255; labels: float32 [B, num_classes], rows summing to 1.
`sample` runs outside the compiled region: Beta and Gamma have no XLA kernel on GPUs.

`parse_policy("flip|pad_crop(2)|mixup(0.2)")` makes a Policy of them. Importing this package
loads no TensorFlow.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from zoo.spec import bind, parse_calls


def list_ops() -> list[str]:
    """Names that a policy may use: the files of this package."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def check_policy(spec: str) -> None:
    """Raises ValueError, in one line, for a policy that cannot be read or names no op."""
    for call in parse_calls(spec):
        if call.name not in list_ops():
            raise ValueError(f"got operation {call.name!r}; expected some of {list_ops()}")


def parse_policy(spec: str) -> Policy:
    """The policy that `spec` names, in its order; the empty spec changes nothing.

    Raises ValueError, in one line, for an unknown op or arguments that cannot be.
    """
    check_policy(spec)
    ops = []
    for call in parse_calls(spec):
        module = importlib.import_module(f"{__name__}.{call.name}")
        op = getattr(module, "".join(word.capitalize() for word in call.name.split("_")))
        ops.append(bind(call, {call.name: op}, "operation"))
    return Policy(tuple(ops))


@dataclass(frozen=True)
class Policy:
    """Ops applied one after another."""

    ops: tuple

    def sample(self, seed, batch_size: int, image_size: int) -> list:
        """Draws every op's parameters. seed: int32 [2]; each op folds in its own place."""
        import tensorflow as tf

        return [
            op.sample(tf.random.fold_in(seed, place), batch_size, image_size)
            for place, op in enumerate(self.ops)
        ]

    def apply(self, images, labels, parameters: list):
        for op, drawn in zip(self.ops, parameters, strict=True):
            images, labels = op.apply(images, labels, drawn)
        return images, labels
