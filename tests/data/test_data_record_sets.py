"""Prepared sets hold every image byte for byte, go on after a kill, and are never mixed."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from conftest import labels_of
from image_files import encode

from zoo.data import open_source
from zoo.data.record_sets import in_threads, prepare
from zoo.data.record_sets.imagenet_tars import published
from zoo.data.record_sets.inputs import find_images
from zoo.data.record_sets.shard_job import Job


def contents(root, name, split) -> list[tuple[bytes, int]]:
    source = open_source(f"tfds:{name}", data_dir=str(root), cache_mb=0)
    examples = source.splits[split]
    both = [examples.example(tf.constant(i, tf.int64)) for i in range(examples.num_examples)]
    return sorted((image.numpy(), int(label)) for image, label in both)


def write_images(folder, digits, count=40):
    """Two classes, `count` images each to train on, 3 to validate on."""
    for split, number in (("train", count), ("validation", 3)):
        for label, name in enumerate(("zero one", "Éins")):
            place = folder / split / name
            place.mkdir(parents=True)
            for index, image in enumerate(digits[0][digits[1] == label][:number]):
                (place / f"{index}.png").write_bytes(encode(image, "PNG"))
    return folder


@pytest.fixture
def folder(tmp_path, digits):
    return write_images(tmp_path / "images", digits)


def prepare_folder(folder, root, *, name="some", **options) -> str:
    options = {"shard_mb": 0.001, "check_images": True, **options}
    return prepare(find_images(str(folder)), root=str(root), name=name, **options)


def test_links_that_leave_the_folder_are_refused(folder, tmp_path):
    """They would store, and show, any file of this machine that may be read."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.png").write_bytes((folder / "train" / "Éins" / "0.png").read_bytes())
    within, leaving = folder / "train" / "Éins" / "within.png", folder / "train" / "Éins" / "l.png"
    within.symlink_to("../zero one/0.png")
    assert find_images(str(folder)).counts["train"] == len(list(folder.glob("train/*/*")))
    (tmp_path / "linked").symlink_to(folder)  # the folder itself may be one
    assert find_images(str(tmp_path / "linked")).counts == find_images(str(folder)).counts
    for target in (secret / "key.png", "../../../secret/key.png"):
        leaving.symlink_to(target)
        with pytest.raises(ValueError, match="l.png is a link that leaves .*; expected image"):
            find_images(str(folder))
        leaving.unlink()
    (folder / "train" / "Éins").rename(tmp_path / "elsewhere")
    (folder / "train" / "Éins").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="png is a link that leaves"):
        find_images(str(folder))


def test_a_folder_keeps_bytes_labels_and_names(folder, tmp_path):
    out = prepare_folder(folder, tmp_path)
    assert out == str(tmp_path / "some/1.0.0")
    source = open_source("tfds:some", data_dir=str(tmp_path), cache_mb=0)
    assert source.class_names == ("zero one", "Éins")
    for split in ("train", "validation"):
        files = sorted(folder.glob(f"{split}/*/*"))
        expected = sorted(
            (f.read_bytes(), source.class_names.index(f.parent.name)) for f in files
        )
        assert contents(tmp_path, "some", split) == expected
        read = tfds.as_numpy(tfds.builder_from_directory(out).as_dataset(split=split))
        assert sorted(example["file_name"].decode() for example in read) == sorted(
            f"{f.parent.name}/{f.name}" for f in files
        )


def test_shards_mix_classes_and_the_seed_decides(folder, tmp_path):
    first, again, other = (
        prepare_folder(folder, tmp_path / root, seed=seed)
        for root, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    shards = sorted(name for name in os.listdir(first) if "-train.tfrecord-" in name)
    assert len(shards) == 2
    same = [read(first, shard) == read(again, shard) for shard in shards]
    assert all(same) and read(first, shards[0]) != read(other, shards[0])
    source = open_source("tfds:some", data_dir=str(tmp_path / "a"), cache_mb=0)
    labels = np.array(labels_of(source.splits["train"]))
    for shard in range(2):
        inside = labels[source.splits["train"].file_of == shard]
        assert 20 < len(inside) < 60 and 0.2 < inside.mean() < 0.8
        assert (np.diff(inside) != 0).sum() > 5


def read(folder, name) -> bytes:
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def test_unreadable_images_are_all_named_and_replacing_them_costs_their_shards(folder, tmp_path):
    page = folder / "train/Éins/5.png"
    cut = folder / "validation/zero one/2.png"
    kept = {path: path.read_bytes() for path in (page, cut)}
    page.write_bytes(b"<html>not found</html>")
    cut.write_bytes(kept[cut][:100])
    with pytest.raises(ValueError) as caught:
        prepare_folder(folder, tmp_path)
    assert str(caught.value).startswith("2 images cannot be used: ")
    assert f"{page}: no image (JPEG, PNG, BMP, GIF, WebP)" in str(caught.value)
    assert f"{cut}: truncated or damaged" in str(caught.value)

    partial = tmp_path / "some/1.0.0.partial"
    (good,) = partial.glob("some-*.tfrecord-*")
    before = good.stat().st_ino, good.stat().st_mtime_ns
    for path, content in kept.items():
        path.write_bytes(content)
    out = prepare_folder(folder, tmp_path)
    after = os.stat(os.path.join(out, good.name))
    assert (after.st_ino, after.st_mtime_ns) == before and not partial.exists()
    assert len(contents(tmp_path, "some", "train")) == 80


def test_a_replaced_image_is_written_anew(folder, tmp_path, digits):
    def stopped(jobs):
        in_threads()(jobs)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_folder(folder, tmp_path, run=stopped)
    other = encode(digits[0][digits[1] == 0][99], "PNG")
    (folder / "train/zero one/0.png").write_bytes(other)
    jobs = []
    prepare_folder(folder, tmp_path, run=lambda todo: (jobs.extend(todo), in_threads()(todo)))
    assert [job.split for job in jobs] == ["train"]
    assert (other, 0) in contents(tmp_path, "some", "train")


def test_without_check_images_only_the_start_is_looked_at(folder, tmp_path):
    cut = folder / "validation/zero one/2.png"
    cut.write_bytes(cut.read_bytes()[:100])
    prepare_folder(folder, tmp_path, check_images=False)
    assert (cut.read_bytes(), 0) in contents(tmp_path, "some", "validation")
    (folder / "train/Éins/5.png").write_bytes(b"<html>")
    with pytest.raises(ValueError, match="no image"):
        prepare_folder(folder, tmp_path, check_images=False, name="other")


def test_an_empty_image_is_told_before(folder, tmp_path):
    (folder / "train/Éins/5.png").write_bytes(b"")
    with pytest.raises(ValueError, match="Éins/5.png is empty"):
        prepare_folder(folder, tmp_path)
    assert os.listdir(tmp_path) == ["images"]


def test_a_finished_set_is_neither_written_again_nor_over(folder, tmp_path, digits):
    def forbidden(jobs):
        raise AssertionError(jobs)

    out = prepare_folder(folder, tmp_path)
    assert prepare_folder(folder, tmp_path, run=forbidden) == out
    with pytest.raises(ValueError, match="was prepared from other files or with other options"):
        prepare_folder(folder, tmp_path, seed=5)
    other = write_images(tmp_path / "more", digits, count=41)
    with pytest.raises(ValueError, match="was prepared from other files or with other options"):
        prepare_folder(other, tmp_path)
    (tmp_path / "theirs/1.0.0").mkdir(parents=True)
    with pytest.raises(ValueError, match="exists and was not prepared here"):
        prepare_folder(folder, tmp_path, name="theirs")


def test_a_begun_set_is_not_mixed_with_another(folder, tmp_path, digits):
    def stopped(jobs):
        in_threads()(jobs[:1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_folder(folder, tmp_path, run=stopped)
    for options, message in (
        ({"seed": 5}, "was begun with other seed: 0, now 5"),
        ({"check_images": False}, "was begun with other check_images: True, now False"),
        ({"shard_mb": 1}, "was begun with other shard_mb: 0.001, now 1"),
    ):
        with pytest.raises(ValueError) as caught:
            prepare_folder(folder, tmp_path, **options)
        assert message in str(caught.value)
    other = write_images(tmp_path / "more", digits)
    with pytest.raises(ValueError, match="was begun with other images of train, those of"):
        prepare_folder(other, tmp_path)
    assert len(contents(os.path.dirname(os.path.dirname(
        prepare_folder(folder, tmp_path)
    )), "some", "train")) == 80


def test_counts_are_taken_from_the_disk(folder, tmp_path):
    def lose_one(jobs):
        in_threads()(jobs)
        (path,) = (tmp_path / "some/1.0.0.partial").glob("some-validation*")
        records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records[1:]:
                writer.write(record)

    with pytest.raises(ValueError, match="validation has 5 records in .*; expected 6"):
        prepare_folder(folder, tmp_path, run=lose_one)
    assert os.listdir(tmp_path / "some") == ["1.0.0.partial"]


def test_shards_that_no_machine_left_here(folder, tmp_path):
    with pytest.raises(ValueError, match="1 of 3 shards are not in .*; expected a folder that all"):
        prepare_folder(folder, tmp_path, run=lambda jobs: in_threads()(jobs[1:]))


def test_one_process_at_a_time(folder, tmp_path):
    def meanwhile(jobs):
        prepare_folder(folder, tmp_path)

    with pytest.raises(ValueError, match="another process is preparing"):
        prepare_folder(folder, tmp_path, run=meanwhile)


def test_nothing_but_imagenet_is_called_imagenet(folder, tmp_path):
    with pytest.raises(ValueError, match="classes are missing or unknown"):
        prepare_folder(folder, tmp_path, name="imagenet2012")
    counts = {"train": 1_281_166, "validation": 50_000}
    with pytest.raises(ValueError, match="has 1,281,166 images; expected the 1,281,167"):
        published().check(published().class_names, counts)
    assert len(published().validation_labels) == 50_000


@pytest.mark.parametrize(("options", "message"), [
    ({"name": "../some"}, "got name='../some'; expected lower-case letters"),
    ({"version": "2"}, "got version='2'; expected three numbers"),
    ({"shard_mb": 0}, "shard_mb out of range, got 0"),
])
def test_wrong_arguments(options, message, folder, tmp_path):
    with pytest.raises(ValueError) as caught:
        prepare_folder(folder, tmp_path, **options)
    assert message in str(caught.value)
    assert os.listdir(tmp_path) == ["images"]


def test_class_names_that_a_text_file_cannot_hold(digits, tmp_path):
    folder = write_images(tmp_path / "images", digits, count=2)
    for split in ("train", "validation"):
        (folder / split / "Éins").rename(folder / split / "two\nlines")
    with pytest.raises(ValueError, match="got the class name"):
        prepare_folder(folder, tmp_path)


def test_jobs_are_plain_tuples():
    """As Beam and pickle carry them."""
    job = Job("/a", "train", 3)
    assert tuple(job) == ("/a", "train", 3)
    assert job.path(10, "some") == "/a/some-train.tfrecord-00003-of-00010"
