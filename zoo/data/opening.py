"""From a `--data` value to a `Source`."""

from __future__ import annotations

import dataclasses
import importlib
import os

from zoo.data.bad_images import CHOICES, without_bad_images
from zoo.data.holdout import stratified_subset
from zoo.data.source_spec import Spec, check_spec
from zoo.data.splits import Source, read_labels

# Their images are files or records that would be decoded again in every epoch.
_ENCODED = ("folder", "tfrecord", "tfds")


def open_source(
    spec: str,
    *,
    data_dir: str = "",
    holdout: float | None = None,
    cache_mb: int = 1024,
    on_bad_image: str = "fail",
    train_images: int = 0,
) -> Source:
    """Opens a data source: finds its files, checks them, counts examples, names classes.

    A set of encoded images that fits into `cache_mb` when decoded is decoded here, once.

    Args:
      spec: what and where, see `zoo/data/source_spec.py`.
      data_dir: the folder for a relative place, and where prepared TFDS data sets are.
      holdout: the part 0 < holdout < 1 of the training examples, drawn class by class and always
        the same, that becomes `validation` where the source has none; None for a tenth (mnist5k:
        a fifth, that is 100 digits a class).
      cache_mb: host memory for decoded images in MiB, >= 0; 0 decodes anew at every use.
      on_bad_image: what becomes of a training image that cannot be read: "fail" is an error when
        it is met; "skip" decodes all of them now and leaves the bad ones out. Elsewhere than in
        training it is always an error.
      train_images: how many of the training images are kept, see `stratified_subset`; 0 keeps all.

    Raises:
      ValueError: one line: what was got or found, and what is possible or to be done.
    """
    parsed = check_spec(spec, data_dir=data_dir, holdout=holdout)
    if cache_mb < 0:
        raise ValueError(f"cache_mb out of range, got {cache_mb}; expected MiB >= 0")
    if on_bad_image not in CHOICES:
        raise ValueError(f"unknown on_bad_image, got {on_bad_image!r}; expected one of {CHOICES}")
    source = _open(parsed, data_dir, holdout)
    encoded = parsed.kind in _ENCODED
    if encoded and on_bad_image == "skip":
        source = without_bad_images(source)
    if train_images:
        source = _with_train_images(source, train_images)
    if encoded:
        from zoo.data.cache import cache_decoded

        source = cache_decoded(source, cache_mb)
    return source


def _with_train_images(source: Source, count: int) -> Source:
    train = source.splits["train"]
    if not 1 <= count <= train.num_examples:
        raise ValueError(
            f"train_images out of range, got {count}; expected 1 to {train.num_examples}, what "
            "there is, or 0 for all"
        )
    kept = train.subset(stratified_subset(read_labels(train), count))
    return dataclasses.replace(source, splits={**source.splits, "train": kept})


def _open(spec: Spec, data_dir: str, holdout: float | None) -> Source:
    module = importlib.import_module(f"zoo.data.{spec.kind}")
    place = os.path.expanduser(spec.place)
    if spec.kind == "mnist5k":
        return module.open_digits(holdout=0.2 if holdout is None else holdout)
    if spec.kind == "synthetic":
        return module.open_patterns(**spec.options)
    if spec.kind == "tfds":
        return module.open_prepared(spec.place, data_dir=data_dir, holdout=holdout)
    place = os.path.join(os.path.expanduser(data_dir), place)
    if spec.kind == "idx":
        prefix = spec.options.get("set", "")
        return module.open_idx(place, prefix=prefix, holdout=0.1 if holdout is None else holdout)
    if spec.kind == "folder":
        return module.open_folder(place)
    return module.open_records(place, **spec.options)
