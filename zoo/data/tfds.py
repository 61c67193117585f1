"""`tfds:NAME`: a data set that TensorFlow Datasets has prepared on this disk; never downloads.

NAME is as in TFDS: `name`, `name/config`, `name:1.0.0`. Images stay encoded until the pipeline
decodes them: only the crop, where it can.
"""

from __future__ import annotations

import os
import re

from zoo.data import arrayrecord, records
from zoo.data.holdout import HELD_OUT, stratified_holdout
from zoo.data.read_split import ReadSplit
from zoo.data.records import RecordSplit
from zoo.data.splits import Source, read_labels
from zoo.given_path import as_path
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")


def open_prepared(name: str, *, data_dir: str, only: str = "") -> Source:
    """Opens a prepared data set.

    Its `validation` split is the validation split. Without one, a tenth of each class of `train`
    is held out for it, and `test` stays what it is. A `test` split without labels is left out.

    Args:
      name: see the top of this file.
      data_dir: where TFDS prepared it; "" for TFDS_DATA_DIR or ~/tensorflow_datasets.
      only: the one split that is wanted; the others need not be there. "" for all.

    Raises:
      ValueError: not installed, not prepared, no images with class labels, or stored neither as
        TFRecord nor as ArrayRecord.
    """
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ValueError(
            "tfds needs the package tensorflow-datasets: pip install tensorflow-datasets"
        ) from error
    root = as_path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    builder = tensorflow_datasets.builder_from_directory(_find(name, str(root)))
    features = builder.info.features
    image_key = _key(name, builder.info, "Image")
    label_key = _key(name, builder.info, "ClassLabel")
    skip = {image_key: tensorflow_datasets.decode.SkipDecoding()}

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        example = features.deserialize_example(serialized, decoders=skip)
        return example[image_key], tf.cast(example[label_key], tf.int32)

    there = list(builder.info.splits)
    needed = (only,) if only else ("train", "validation")
    held_out_of_train = "validation" not in there and only != "test"
    wanted = [only] if only and not held_out_of_train else ["train", "validation", "test"]
    splits = {
        split: _open_split(name, builder, split, parse) for split in wanted if split in there
    }
    if held_out_of_train and "train" in splits:
        kept, held_out = stratified_holdout(read_labels(splits["train"]), HELD_OUT)
        splits["validation"] = splits["train"].subset(held_out)
        splits["train"] = splits["train"].subset(kept)
    if "test" in splits and read_labels(splits["test"].subset(np.arange(1)))[0] < 0:
        del splits["test"]
    for split in needed:
        if split not in splits:
            raise ValueError(f"tfds:{name} has no split {split} with labels, only {there}")
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


def _key(name: str, info, kind: str) -> str:
    """The key of the one feature of a kind, "Image" or "ClassLabel", that is meant for training.

    It is among the supervised keys, whatever tuples and dictionaries they are in; else, or where
    there are none, it is the only one of its kind.
    """
    kinds = {key: type(feature).__name__ for key, feature in info.features.items()}
    of_kind = [key for key in kinds if kinds[key] == kind]
    supervised = [key for key in dict.fromkeys(_flat(info.supervised_keys)) if key in of_kind]
    found = supervised or of_kind
    if len(found) != 1:
        raise ValueError(
            f"tfds:{name} is no image classification data set: it has {len(found)} features {kind} "
            f"to choose from, {found}; expected one. Its features: {kinds}"
        )
    return found[0]


def _flat(keys: object) -> list[str]:
    if isinstance(keys, dict):
        keys = list(keys.values())
    if isinstance(keys, (list, tuple)):
        return [name for key in keys for name in _flat(key)]
    return [keys] if isinstance(keys, str) else []


def _open_split(name: str, builder, split: str, parse) -> RecordSplit | ReadSplit:
    form = builder.info.file_format.value
    readers = {"tfrecord": records.open_files, "array_record": arrayrecord.open_files}
    if form not in readers:
        raise ValueError(f"tfds:{name} is stored as {form}; expected tfrecord or array_record: "
                         f"prepare it with tfds build {name} --file_format=tfrecord")
    info = builder.info.splits[split]
    missing = [path for path in info.filepaths if not os.path.isfile(path)]
    if missing:
        raise ValueError(f"tfds:{name} lacks the file {missing[0]}; prepare it again with "
                         f"tfds build {name} --overwrite")
    opened = readers[form]([str(path) for path in info.filepaths], parse)
    if opened.num_examples != info.num_examples:
        raise ValueError(f"tfds:{name} {split} has {opened.num_examples} records, its "
                         f"dataset_info.json says {info.num_examples}; prepare it again")
    return opened
