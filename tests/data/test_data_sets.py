"""Sets whose formats have readers of their own: Parquet as Hugging Face stores it, ArrayRecord."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from array_record.python.array_record_module import ArrayRecordWriter
from conftest import NAMES, example, labels_of, part_of, write_tfds, wrong
from image_files import encode

from zoo.data import open_source, parquet
from zoo.data.contents import contents_of

NOTE = {"info": {"features": {"image": {"_type": "Image"},
                              "label": {"names": list(NAMES), "_type": "ClassLabel"}}}}


def table(digits, split: str, *, label_of=int, noted=True, image="image", label="label"):
    rows = list(part_of(digits, split))
    images = pa.array(
        [{"bytes": encode(pixels, "PNG"), "path": f"{row}.png"}
         for row, (_, _, pixels) in enumerate(rows)],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    made = pa.table({image: images, label: [label_of(label) for label, _, _ in rows]})
    return made.replace_schema_metadata({"huggingface": json.dumps(NOTE)} if noted else None)


def write_set(folder, digits, *, splits=("train", "validation"), rows=7, **options):
    """Two files a split, some rows a group."""
    (folder / "data").mkdir(parents=True)
    for split in splits:
        whole = table(digits, split, **options)
        half = whole.num_rows // 2
        for shard, part in enumerate((whole.slice(0, half), whole.slice(half))):
            pq.write_table(part, folder / "data" / f"{split}-{shard:05d}-of-00002.parquet",
                           row_group_size=rows)
    return f"parquet:{folder}"


def test_a_set_of_hugging_face(tmp_path, digits, monkeypatch):
    monkeypatch.setattr(parquet, "_MOST_KEPT", 4000)  # less than all groups
    spec = write_set(tmp_path, digits, splits=("train", "validation", "test"))
    source = open_source(spec, cache_mb=0)
    assert source.class_names == NAMES
    assert {name: split.num_examples for name, split in source.splits.items()} == {
        "train": 70, "validation": 30, "test": 20}
    for split in source.splits:
        want = list(part_of(digits, split))
        opened = source.as_opened[split]
        assert labels_of(opened) == [label for label, _, _ in want]
        order = np.random.default_rng(0).permutation(len(want))
        for row in order[:15]:
            encoded, label = opened.example(tf.constant(row, tf.int64))
            pixels = tf.io.decode_png(encoded, channels=1)
            np.testing.assert_array_equal(pixels, want[row][2])
            assert label == want[row][0]
    name = source.as_opened["train"].subset(np.array([36])).name(tf.constant(0, tf.int64))
    assert name.numpy().decode().endswith("data/train-00001-of-00002.parquet row 1")


def test_kept_groups_are_bounded(tmp_path, digits, monkeypatch):
    monkeypatch.setattr(parquet, "_MOST_KEPT", 4000)
    split = open_source(write_set(tmp_path, digits), cache_mb=0).splits["train"]
    for row in range(70):
        split.read(row)
    kept = split.reader.__self__._kept
    assert 1 <= len(kept) < 10 and sum(group.nbytes for group in kept.values()) <= 4000


@pytest.mark.parametrize(("label_of", "names"), [
    (int, tuple(map(str, range(10)))), (lambda label: f"c{label + 5}", tuple(
        f"c{label}" for label in range(5, 15))),
])
def test_labels_without_a_note(tmp_path, digits, label_of, names):
    """Texts in natural order."""
    spec = write_set(tmp_path, digits, label_of=label_of, noted=False)
    source = open_source(spec, cache_mb=0)
    assert source.class_names == names
    assert labels_of(source.splits["train"]) == [label for label, _, _ in part_of(digits, "train")]


def test_one_file_other_columns_and_no_validation(tmp_path, digits):
    path = tmp_path / "all.parquet"
    pq.write_table(table(digits, "train", noted=False, image="img", label="fine"), path)
    source = open_source(f"parquet:{path}", cache_mb=0)
    assert source.splits["train"].num_examples == 60
    assert sorted(labels_of(source.splits["validation"])) == list(range(10))
    whole = table(digits, "train", noted=False, image="img", label="fine")
    pq.write_table(whole.append_column("coarse", pa.array([0] * 70)), path)
    wrong(f"{path} has 2 columns of whole numbers or texts, but img (struct<bytes: binary, path: "
          "string>), fine (int64), coarse (int64); expected --data=parquet:DIR,label=COLUMN",
          f"parquet:{path}")
    assert len(open_source(f"parquet:{path},label=fine", cache_mb=0).class_names) == 10
    wrong("has no column 'x' of bytes of image files, or a struct with them, but img",
          f"parquet:{path},image=x")


def test_splits_without_labels(tmp_path, digits):
    write_set(tmp_path, digits, splits=("train", "validation"))
    pq.write_table(table(digits, "test", label_of=lambda label: -1),
                   tmp_path / "data" / "test-00000-of-00001.parquet")
    assert list(open_source(f"parquet:{tmp_path}", cache_mb=0).splits) == ["train", "validation"]
    pq.write_table(table(digits, "test", label_of=lambda label: -1 if label == 3 else label),
                   tmp_path / "data" / "validation-00000-of-00002.parquet")
    wrong("row 3 has no label; expected one in each row", f"parquet:{tmp_path}")


def test_what_is_no_image_set(tmp_path, digits):
    wrong(f"no *.parquet in '{tmp_path}'; expected a folder of them", f"parquet:{tmp_path}")
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "label": [0, 1]}), path)
    wrong(f"{path} has 0 columns of bytes of image files, or a struct with them, but text (string)"
          ", label (int64); expected --data=parquet:DIR,image=COLUMN", f"parquet:{path}")
    pq.write_table(table(digits, "train"), path)
    good = path.read_bytes()
    for content in (b"", b"PAR1", good[: len(good) // 2], b"PAR1" + bytes(5000) + b"PAR1"):
        path.write_bytes(content)
        wrong(f"{path} is no Parquet file or damaged: ", f"parquet:{path}")
    pq.write_table(table(digits, "train", label_of=lambda label: label + 1), path)
    wrong(f"{path} has the label 10; expected one of the 10 classes that the files name",
          f"parquet:{path}")
    pq.write_table(pa.table({"image": pa.array([None, None], pa.binary()), "label": [0, 0]}), path)
    wrong("train.parquet row ", f"parquet:{path}")  # an empty file, told as any that is none


def test_a_change_of_a_set_is_noticed(tmp_path, digits):
    spec = write_set(tmp_path, digits)
    before = contents_of(open_source(spec, cache_mb=0).as_opened)
    assert contents_of(open_source(spec, cache_mb=0).as_opened) == before
    path = tmp_path / "data" / "train-00000-of-00002.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=7, compression="none")
    after = contents_of(open_source(spec, cache_mb=0).as_opened)
    assert after["train"] != before["train"] and after["validation"] == before["validation"]


def write_array_records(folder, digits, splits=("train", "validation")):
    for split in splits:
        rows = list(part_of(digits, split))
        for shard in range(2):
            path = f"{folder}/{split}-{shard:05d}-of-00002"
            writer = ArrayRecordWriter(path, "group_size:1")
            for label, _, image in rows[shard::2]:
                writer.write(example(encode(image, "PNG"), label, NAMES[label]))
            writer.close()
    return f"arrayrecord:{folder}/{{split}}-*,classes=10"


def test_array_records(tmp_path, digits):
    source = open_source(write_array_records(tmp_path, digits), cache_mb=0)
    assert source.class_names == NAMES
    want = list(part_of(digits, "train"))
    want = want[::2] + want[1::2]
    opened = source.as_opened["train"]
    assert labels_of(opened) == [label for label, _, _ in want]
    encoded, _ = opened.example(tf.constant(40, tf.int64))
    np.testing.assert_array_equal(tf.io.decode_png(encoded, 1), want[40][2])


def test_wrong_array_records(tmp_path, digits):
    spec = write_array_records(tmp_path, digits)
    path = tmp_path / "train-00000-of-00002"
    good = path.read_bytes()
    for content in (b"", b"nothing", good[:-100], bytes(len(good))):
        path.write_bytes(content)
        wrong(f"{path} is truncated or no ArrayRecord file; expected what TFDS writes", spec)
    path.write_bytes(good)
    wrong("expected 'jpg' (1 bytes), or arrayrecord:PATTERN,image=KEY", f"{spec},image=jpg")
    wrong("arrayrecord needs {split} in its pattern", f"arrayrecord:{tmp_path}/train-*")


def test_a_set_that_tfds_wrote_as_array_records(tmp_path, digits):
    write_tfds(tmp_path, digits, file_format="array_record")
    source = open_source("tfds:some_digits", data_dir=str(tmp_path), cache_mb=0)
    want = list(part_of(digits, "train"))
    assert sorted(labels_of(source.splits["train"])) == sorted(label for label, _, _ in want)
    assert source.class_names == NAMES
