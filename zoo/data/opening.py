"""From a `--data` value to a `Source`."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys

from zoo.address import load
from zoo.data.bad_images import CHOICES, without_bad_images
from zoo.data.duplicates import tell_duplicates
from zoo.data.holdout import stratified_subset
from zoo.data.orientation import check_orientation
from zoo.data.source_spec import Spec, check_spec
from zoo.data.splits import Source, read_labels
from zoo.given_path import as_path
from zoo.lazy import lazy_module
from zoo.printable import visible

np = lazy_module("numpy")

_UNEVEN = 10

_FILES = {"csv": "csv_list"}  # where a kind's name is that of a module of Python's
SPLITS = ("train", "validation", "test")


def open_source(
    spec: str,
    *,
    data_dir: str = "",
    cache_mb: int = 1024,
    on_bad_image: str = "fail",
    train_images: int = 0,
    orientation: str = "exif",
    only: str = "",
) -> Source:
    """Opens a data source: finds its files, checks them, counts examples, names classes.

    A source without validation images keeps a tenth of its training examples for it (mnist5k: a
    fifth, that is 100 digits a class), drawn class by class and always the same. A set of encoded
    images that fits into `cache_mb` when decoded is decoded here, once.

    Args:
      spec: what and where, see `zoo/data/source_spec.py`.
      data_dir: the folder for a relative place, and where prepared TFDS data sets are.
      cache_mb: host memory for decoded images in MiB, >= 0; 0 decodes anew at every use.
      on_bad_image: what becomes of a training image that cannot be read: "fail" is an error when
        it is met; "skip" decodes all of them now and leaves the bad ones out. Elsewhere than in
        training it is always an error.
      train_images: how many of the training images are kept, see `stratified_subset`; 0 keeps all.
      orientation: which way up image files are shown, one of `zoo.data.orientation.CHOICES`.
      only: the one split that is wanted, for an evaluation: the others need not be there. "" for
        all: train and validation have to be there.

    Raises:
      ValueError: one line: what was got or found, and what is possible or to be done.
    """
    parsed = check_spec(spec, data_dir=data_dir)
    if cache_mb < 0:
        raise ValueError(f"cache_mb out of range, got {cache_mb}; expected MiB >= 0")
    if on_bad_image not in CHOICES:
        raise ValueError(f"unknown on_bad_image, got {on_bad_image!r}; expected one of {CHOICES}")
    check_orientation(orientation)
    if only not in ("", *SPLITS):
        raise ValueError(f"unknown split, got {only!r}; expected one of {', '.join(SPLITS)}")
    source = _with_orientation(_open(parsed, data_dir, only), orientation)
    source = dataclasses.replace(source, as_opened=source.splits)
    if len(source.class_names) == 1:
        print(f"{source.name}: all images are of one class, {source.class_names[0]!r}: whatever is "
              "trained on them is right each time", file=sys.stderr, flush=True)
    if not only:
        _tell_uneven(source)
        if source.name != "synthetic":  # drawn, and drawing them would take longer
            tell_duplicates(source.splits)
    encoded = any(split.encoded for split in source.splits.values())  # decoded in every epoch
    if encoded and on_bad_image == "skip":
        source = without_bad_images(source)
    if train_images:
        source = _with_train_images(source, train_images)
    if encoded:
        from zoo.data.cache import cache_decoded

        source = cache_decoded(source, cache_mb)
    return source


def _tell_uneven(source: Source) -> None:
    """Says in a line where a class has over ten times the training images of another."""
    labels = getattr(source.splits["train"], "labels", None)
    if labels is None:  # records, which would have to be read
        return
    counts = np.bincount(labels, minlength=len(source.class_names))
    most, fewest = int(counts.argmax()), int(counts.argmin())
    if counts[most] > _UNEVEN * counts[fewest]:
        many, few = (visible(source.class_names[label]) for label in (most, fewest))
        print(f"{source.name}: {counts[most]} training images of {many!r}, {counts[fewest]} of "
              f"{few!r}: --class_weights=balanced weighs the classes alike", file=sys.stderr,
              flush=True)


def _with_orientation(source: Source, orientation: str) -> Source:
    splits = {
        name: dataclasses.replace(split, orientation=orientation) if split.encoded else split
        for name, split in source.splits.items()
    }
    return dataclasses.replace(source, splits=splits)


def _with_train_images(source: Source, count: int) -> Source:
    train = source.splits["train"]
    if not 1 <= count <= train.num_examples:
        raise ValueError(
            f"train_images out of range, got {count}; expected 1 to {train.num_examples}, what "
            "there is, or 0 for all"
        )
    kept = train.subset(stratified_subset(read_labels(train), count))
    return dataclasses.replace(source, splits={**source.splits, "train": kept})


def _open(spec: Spec, data_dir: str, only: str) -> Source:
    if spec.kind == "address":
        return _check_source(load(spec.place, "data source")(**spec.options), spec.place, only)
    module = importlib.import_module(f"zoo.data.{_FILES.get(spec.kind, spec.kind)}")
    if spec.kind == "mnist5k":
        return module.open_digits()
    if spec.kind == "synthetic":
        return module.open_patterns(**spec.options)
    if spec.kind == "tfds":
        return module.open_prepared(spec.place, data_dir=data_dir, only=only)
    folder = as_path(data_dir) if data_dir else ""
    place = os.path.join(folder, os.path.expanduser(spec.place))
    if spec.kind == "tfrecord":
        return module.open_records(place, **spec.options, only=only)
    if spec.kind == "arrayrecord":
        return module.open_array_records(place, **spec.options, only=only)
    place = str(as_path(place))
    if spec.kind == "idx":
        return module.open_idx(place, prefix=spec.options.get("set", ""), only=only)
    if spec.kind == "cifar":
        return module.open_cifar(place)
    if spec.kind == "parquet":
        return module.open_parquet(place, **spec.options, only=only)
    if spec.kind == "csv":
        return module.open_csv(place, **spec.options, only=only)
    return module.open_folder(place, **spec.options, only=only)


def _check_source(source: object, address: str, only: str) -> Source:
    if not isinstance(source, Source):
        raise ValueError(f"{address} returned {type(source).__name__}; expected a zoo.data.Source")
    needed = (only,) if only else ("train", "validation")
    missing = [name for name in needed if name not in source.splits]
    if missing:
        raise ValueError(f"{address} has no split {missing[0]!r}, got {list(source.splits)}; "
                         "expected train and validation, and perhaps test")
    if source.channels not in (1, 3):
        raise ValueError(f"{address} has channels={source.channels}; expected 1 or 3")
    return source
