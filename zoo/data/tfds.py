"""`tfds:NAME`: a data set that TensorFlow Datasets has prepared on this disk; never downloads.

NAME is as in TFDS: `name`, `name/config`, `name:1.0.0`. Images stay encoded until the pipeline
decodes them: only the crop, where it can.
"""

from __future__ import annotations

import os
import re

from zoo.data.holdout import HELD_OUT, stratified_holdout
from zoo.data.records import RecordSplit, open_files
from zoo.data.splits import Source, read_labels
from zoo.given_path import as_path
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")


def open_prepared(name: str, *, data_dir: str) -> Source:
    """Opens a prepared data set.

    Its `validation` split is the validation split. Without one, a tenth of each class of `train`
    is held out for it, and `test` stays what it is. A `test` split without labels is left out.

    Args:
      name: see the top of this file.
      data_dir: where TFDS prepared it; "" for TFDS_DATA_DIR or ~/tensorflow_datasets.

    Raises:
      ValueError: not installed, not prepared, no images with class labels, or not stored as
        TFRecord.
    """
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ValueError(
            "tfds needs the package tensorflow-datasets: pip install tensorflow-datasets"
        ) from error
    root = as_path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    builder = tensorflow_datasets.builder_from_directory(_find(name, str(root)))
    image_key, label_key = builder.info.supervised_keys or ("image", "label")
    features = builder.info.features
    _check_features(name, features, image_key, label_key)
    skip = {image_key: tensorflow_datasets.decode.SkipDecoding()}

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        example = features.deserialize_example(serialized, decoders=skip)
        return example[image_key], tf.cast(example[label_key], tf.int32)

    splits = {
        split: _open_split(name, builder, split, parse)
        for split in ("train", "validation", "test")
        if split in builder.info.splits
    }
    if "train" not in splits:
        raise ValueError(f"tfds:{name} has no split train, only {list(builder.info.splits)}")
    if "validation" not in splits:
        kept, held_out = stratified_holdout(read_labels(splits["train"]), HELD_OUT)
        splits["validation"] = splits["train"].subset(held_out)
        splits["train"] = splits["train"].subset(kept)
    if "test" in splits and read_labels(splits["test"].subset(np.arange(1)))[0] < 0:
        del splits["test"]
    return Source(
        name="tfds",
        class_names=tuple(features[label_key].names),
        channels=3 if features[image_key].shape[-1] != 1 else 1,
        splits=splits,
    )


def _find(name: str, root: str) -> str:
    """Returns the prepared data set's folder ROOT/NAME[/CONFIG]/VERSION."""
    path, _, version = name.partition(":")
    folder = os.path.join(root, path)
    found = [
        entry for entry in (os.listdir(folder) if os.path.isdir(folder) else [])
        if re.fullmatch(r"\d+\.\d+\.\d+", entry) and version in ("", entry)
        and os.path.isfile(os.path.join(folder, entry, "dataset_info.json"))
    ]
    if not found:
        raise ValueError(f"tfds:{name} is not prepared in {root}; prepare it with: "
                         f"tfds build {name} --data_dir={root}, or from files you have with "
                         "python -m tools.prepare_data")
    return os.path.join(folder, max(found, key=lambda v: [int(n) for n in v.split(".")]))


def _check_features(name: str, features: dict, image_key: str, label_key: str) -> None:
    wanted = {image_key: "Image", label_key: "ClassLabel"}
    for key, kind in wanted.items():
        found = type(features[key]).__name__ if key in features else "nothing"
        if found != kind:
            raise ValueError(f"tfds:{name} is no image classification data set: {key!r} is "
                             f"{found}; expected {kind}")


def _open_split(name: str, builder, split: str, parse) -> RecordSplit:
    form = builder.info.file_format.value
    if form != "tfrecord":
        raise ValueError(f"tfds:{name} is stored as {form}; expected tfrecord: prepare it with "
                         f"tfds build {name} --file_format=tfrecord")
    info = builder.info.splits[split]
    missing = [path for path in info.filepaths if not os.path.isfile(path)]
    if missing:
        raise ValueError(f"tfds:{name} lacks the file {missing[0]}; prepare it again with "
                         f"tfds build {name} --overwrite")
    opened = open_files([str(path) for path in info.filepaths], parse)
    if opened.num_examples != info.num_examples:
        raise ValueError(f"tfds:{name} {split} has {opened.num_examples} records, its "
                         f"dataset_info.json says {info.num_examples}; prepare it again")
    return opened
