"""Images and labels: sources, decoding on the host, batches.

    source = open_source("folder:/data/flowers")
    batches = train_batches(
        source.splits["train"], image_size=224, channels=3, batch_size=64, seed=0)

Sources say where examples are (`spec.py` lists them), splits give the example at an index, the
pipeline turns indices into uint8 batches. Every split is random access, so the order is a function
of (seed, epoch), a crop of (seed, epoch, example), and starting at step 100,000 costs what starting
at step 0 costs. Augmentation and normalisation are not done here: they run on the device.

Importing this package loads neither TensorFlow nor NumPy.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ArraySplit": "splits",
    "FileSplit": "splits",
    "RaggedSplit": "splits",
    "RecordSplit": "records",
    "Source": "splits",
    "Split": "splits",
    "channel_statistics": "statistics",
    "check_service": "pipeline",
    "check_spec": "spec",
    "crop_and_resize": "crop",
    "decode_image": "decode",
    "eval_batches": "pipeline",
    "find_bad_images": "bad_images",
    "index_batches": "on_device",
    "make_pick": "on_device",
    "open_source": "opening",
    "resize_and_center_crop": "resize",
    "steps_per_epoch": "order",
    "train_batches": "pipeline",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zoo.data' has no attribute {name!r}")
    return getattr(importlib.import_module(f"zoo.data.{_HOME[name]}"), name)
