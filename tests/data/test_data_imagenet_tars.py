"""ImageNet's archives become a prepared set, byte for byte; those that are not whole are told."""

from __future__ import annotations

import dataclasses
import io
import os
import tarfile

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from image_files import encode

from zoo.data import open_source
from zoo.data.record_sets import prepare
from zoo.data.record_sets.imagenet_tars import FILES, find_members, published

SYNSETS = ("n01440764", "n01443537", "n02105855", "n15075141")
VALIDATION = tuple(SYNSETS[i] for i in (2, 0, 3, 1, 1, 2))


def tar_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture(scope="session")
def images(digits, photos):
    """Split -> name -> (bytes, WordNet id): photos and digits, a PNG and a CMYK JPEG among them."""
    def content(label, number):
        if (label, number) == (2, 1):
            return encode(photos[0][:50, :70], "PNG")
        if (label, number) == (2, 2):
            return encode(photos[1][:60, :40], "JPEG", "CMYK")
        if number % 2:
            return encode(photos[label % 2][label * 40:][:90, number * 30:][:, :80], "JPEG")
        return encode(digits[0][digits[1] == label][number], "JPEG", "L")

    train = {
        f"{synset}_{number + 7}.JPEG": (content(label, number), synset)
        for label, synset in enumerate(SYNSETS) for number in range(5)
    }
    validation = {
        f"ILSVRC2012_val_{number + 1:08d}.JPEG": (content(number % 4, number + 5), synset)
        for number, synset in enumerate(VALIDATION)
    }
    return {"train": train, "validation": validation}


def class_tars(train) -> dict[str, bytes]:
    return {
        f"{synset}.tar": tar_of({k: v for k, (v, of) in train.items() if of == synset})
        for synset in SYNSETS
    }


def write_tars(folder, train: bytes, validation: bytes):
    """Writes the archives; returns what they have to be: ImageNet, but for sizes and counts."""
    (folder / FILES["train"]).write_bytes(train)
    (folder / FILES["validation"]).write_bytes(validation)
    return dataclasses.replace(
        published(), sizes={"train": len(train), "validation": len(validation)},
        counts={"train": 20, "validation": len(VALIDATION)}, validation_labels=VALIDATION,
    )


@pytest.fixture
def archives(images):
    """The bytes of both archives; the validation images lie in another order than their names'."""
    validation = {k: v for k, (v, _) in reversed(images["validation"].items())}
    return tar_of(class_tars(images["train"])), tar_of(validation)


def test_official_archives_become_what_both_readers_open(tmp_path, images, archives):
    edition = write_tars(tmp_path, *archives)
    out = prepare(
        find_members(str(tmp_path), edition), root=str(tmp_path / "out"), name="imagenet2012",
        edition=edition,
    )
    assert out == str(tmp_path / "out/imagenet2012/5.1.0")
    assert sorted(os.listdir(tmp_path)) == [FILES["train"], FILES["validation"], "out"]
    assert not [name for name in os.listdir(out) if name.endswith((".aside", "work"))]
    source = open_source("tfds:imagenet2012", data_dir=str(tmp_path / "out"), cache_mb=0)
    names = published().class_names
    for split, files in images.items():
        expected = sorted((content, names.index(synset)) for content, synset in files.values())
        examples = source.splits[split]
        both = [examples.example(tf.constant(i, tf.int64)) for i in range(examples.num_examples)]
        assert sorted((image.numpy(), int(label)) for image, label in both) == expected
    assert source.class_names == names and names[999] == SYNSETS[3]

    # TFDS reads the folder, and its own builder of ImageNet finds it.
    for builder in (
        tfds.builder_from_directory(out),
        tfds.builder("imagenet2012", data_dir=str(tmp_path / "out")),
    ):
        assert builder.info.splits["train"].num_examples == 20
        read = {
            example["file_name"].decode(): example
            for example in tfds.as_numpy(builder.as_dataset(split="validation"))
        }
        assert read.keys() == images["validation"].keys()
        for name, example in read.items():
            content, synset = images["validation"][name]
            assert builder.info.features["label"].int2str(int(example["label"])) == synset
            np.testing.assert_array_equal(example["image"], tf.io.decode_image(content, channels=3))


def corrupt(content: bytes, at: int) -> bytes:
    return content[:at] + b"\xff" * 100 + content[at + 100:]


def inner(train, **changes) -> bytes:
    """The training archive with the archive of one class changed."""
    tars = class_tars(train)
    (key, change), = changes.items()
    tars[f"{key}.tar"] = change(tars[f"{key}.tar"])
    return tar_of(tars)


def renamed(train, old: str, new: str) -> bytes:
    tars = {}
    for name, content in class_tars(train).items():
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            members = {m.name: archive.extractfile(m).read() for m in archive}
        tars[name] = tar_of({new if k == old else k: v for k, v in members.items()})
    return tar_of(tars)


BROKEN_TRAIN = {
    "cut off": (lambda t, i: t[: len(t) // 2], "is no whole tar archive: unexpected end of data"),
    "without its end": (lambda t, i: t[:-10240], "is no whole tar archive: "),
    "a page": (lambda t, i: b"<!DOCTYPE html><html>log in</html>" * 99, "is no whole tar archive"),
    "empty file": (lambda t, i: b"", "is no whole tar archive"),
    "a class cut off": (
        lambda t, i: inner(i, n01443537=lambda c: c[:3000]), "n01443537.tar is no whole tar"
    ),
    "a header damaged": (
        lambda t, i: inner(i, n02105855=lambda c: corrupt(c, c.index(b"n02105855_9.JPEG"))),
        "n02105855.tar is no whole tar archive: damaged or cut off at byte",
    ),
    "an empty image": (
        lambda t, i: inner(i, n01440764=lambda c: tar_of({"n01440764_7.JPEG": b""})),
        "n01440764.tar: 'n01440764_7.JPEG' is empty or no file",
    ),
    "an unknown class": (
        lambda t, i: tar_of({"n99999999.tar": b"x"}), "holds 'n99999999.tar'; expected one archive"
    ),
    "a way out": (
        lambda t, i: renamed(i, "n01443537_8.JPEG", "../../n01443537_8.JPEG"),
        "holds '../../n01443537_8.JPEG'; expected names as n01443537_12.JPEG",
    ),
    "another class's image": (
        lambda t, i: renamed(i, "n01443537_8.JPEG", "n01440764_99.JPEG"),
        "holds 'n01440764_99.JPEG'; expected names as n01443537_12.JPEG",
    ),
    "a class missing": (
        lambda t, i: tar_of({k: v for k, v in class_tars(i).items() if k != "n15075141.tar"}),
        "train has 15 images; expected the 20 of ImageNet",
    ),
}


@pytest.mark.parametrize("case", BROKEN_TRAIN)
def test_training_archives_that_are_not_whole(case, tmp_path, images, archives):
    change, message = BROKEN_TRAIN[case]
    edition = write_tars(tmp_path, change(archives[0], images["train"]), archives[1])
    with pytest.raises(ValueError) as caught:
        find_members(str(tmp_path), edition)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("change", "message"), [
    (lambda v: dict(list(v.items())[1:]), "ILSVRC2012_img_val.tar has 5 images; expected 6"),
    (lambda v: {f"val/{k}": c for k, c in v.items()}, "expected names as ILSVRC2012_val_00000001"),
])
def test_validation_archives_that_are_not_whole(change, message, tmp_path, images, archives):
    members = {name: content for name, (content, _) in images["validation"].items()}
    edition = write_tars(tmp_path, archives[0], tar_of(change(members)))
    with pytest.raises(ValueError, match="ILSVRC2012_img_val.tar") as caught:
        find_members(str(tmp_path), edition)
    assert message in str(caught.value)


def test_a_link_inside_an_archive_is_refused(tmp_path, archives):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("n01440764.tar")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    edition = write_tars(tmp_path, file.getvalue(), archives[1])
    with pytest.raises(ValueError, match="'n01440764.tar' is empty or no file"):
        find_members(str(tmp_path), edition)
