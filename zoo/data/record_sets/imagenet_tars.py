"""The official archives of ImageNet (ILSVRC2012), read in place: nothing is unpacked.

The training archive holds one archive a class, n01440764.tar and so on, the validation archive
50,000 images whose labels, in the order of the images' names, come with TensorFlow Datasets. Names
inside the archives are compared and stored, never used as paths.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from zoo.data.record_sets.inputs import Inputs, ListedFile, as_examples
from zoo.progress import with_progress

FILES = {"train": "ILSVRC2012_img_train.tar", "validation": "ILSVRC2012_img_val.tar"}
_VALIDATION_NAME = r"ILSVRC2012_val_\d{8}\.JPEG"
_END = 512  # bytes of zeros that an archive ends with, at least


@dataclasses.dataclass(frozen=True)
class Edition:
    """What the archives have to be.

    sizes: bytes of each archive; counts: images of each split; class_names: WordNet ids, one a
    label; validation_labels: WordNet ids in the order of the images' names.
    """

    sizes: Mapping[str, int]
    counts: Mapping[str, int]
    class_names: tuple[str, ...]
    validation_labels: tuple[str, ...]

    def check(self, class_names: tuple[str, ...], counts: Mapping[str, int]) -> None:
        """Raises ValueError unless these are the edition's classes and counts."""
        odd = sorted(set(class_names) ^ set(self.class_names))
        if odd:
            raise ValueError(f"{len(odd)} classes are missing or unknown, as {odd[0]!r}; expected "
                             f"the {len(self.class_names)} WordNet ids of ImageNet")
        for split, expected in self.counts.items():
            if counts.get(split, 0) != expected:
                raise ValueError(f"{split} has {counts.get(split, 0):,} images; expected the "
                                 f"{expected:,} of ImageNet: fetch the set again")


def published() -> Edition:
    """ILSVRC2012 as published: 1,281,167 and 50,000 images of 1000 classes.

    Raises:
      ValueError: the lists of TensorFlow Datasets are not installed.
    """
    return Edition(
        sizes={"train": 147_897_477_120, "validation": 6_744_924_160},
        counts={"train": 1_281_167, "validation": 50_000},
        class_names=_installed_list("labels.txt"),
        validation_labels=_installed_list("validation_labels.txt"),
    )


def find_members(folder: str, edition: Edition) -> Inputs:
    """Notes where in the archives each image lies, from their headers.

    Raises:
      ValueError: an archive that is missing, of another size, no archive, damaged or cut off;
        classes, names or counts that are not the edition's; an empty image.
    """
    paths = {split: os.path.join(folder, name) for split, name in FILES.items()}
    _check_files(folder, paths, edition)
    labels = {name: label for label, name in enumerate(edition.class_names)}
    inputs = Inputs(edition.class_names, {
        "train": as_examples(paths["train"], _train_rows(paths["train"], labels)),
        "validation": as_examples(
            paths["validation"],
            _validation_rows(paths["validation"], labels, edition.validation_labels),
        ),
    })
    edition.check(inputs.class_names, inputs.counts)
    return inputs


def _installed_list(name: str) -> tuple[str, ...]:
    package = importlib.util.find_spec("tensorflow_datasets")
    if package is None or not package.submodule_search_locations:
        raise ValueError("ImageNet's labels need tensorflow-datasets: pip install "
                         "tensorflow-datasets")
    folder = package.submodule_search_locations[0]
    path = os.path.join(folder, "datasets", "imagenet2012", name)
    if not os.path.isfile(path):
        raise ValueError(f"ImageNet's labels are not in the installed tensorflow-datasets: {path}")
    with open(path, encoding="ascii") as lines:
        return tuple(lines.read().split())


def _check_files(folder: str, paths: Mapping[str, str], edition: Edition) -> None:
    missing = [FILES[split] for split, path in paths.items() if not os.path.isfile(path)]
    if missing:
        both = " and ".join(
            f"{name} ({edition.sizes[split]:,} bytes)" for split, name in FILES.items()
        )
        unpacked = os.path.isdir(os.path.join(folder, "train"))
        hint = "; it has train/: is it an image folder?" if unpacked else ""
        raise ValueError(f"no {' and no '.join(missing)} in {folder!r}{hint}; put {both} there, "
                         "from https://image-net.org/download-images (after signing up)")
    for split, path in paths.items():
        size = os.path.getsize(path)
        if size != edition.sizes[split]:
            raise ValueError(f"{path} has {size:,} bytes; expected {edition.sizes[split]:,}: "
                             "the download is not complete or another file; fetch it again")


def _train_rows(path: str, labels: Mapping[str, int]) -> Iterator[ListedFile]:
    """Rows of the images in the archives of all classes."""
    with open(path, "rb") as file:
        classes = _members(file, path)
        for archive, member in with_progress(classes, len(labels), "reading headers, classes"):
            synset = member.name.removesuffix(".tar")
            if synset not in labels or synset == member.name:
                raise ValueError(f"{path} holds {member.name!r}; expected one archive for each "
                                 f"class, as {next(iter(labels))}.tar")
            with archive.extractfile(member) as inner:
                for _, image in _members(inner, f"{path}, {member.name}"):
                    _check_name(path, image.name, rf"{synset}_\d+\.JPEG", f"{synset}_12.JPEG")
                    offset = member.offset_data + image.offset_data
                    yield image.name.encode(), labels[synset], offset, image.size, 0


def _validation_rows(
    path: str, labels: Mapping[str, int], synsets: tuple[str, ...]
) -> Iterator[ListedFile]:
    found = {}
    with open(path, "rb") as file:
        members = _members(file, path)
        for _, image in with_progress(members, len(synsets), "reading headers, validation images"):
            _check_name(path, image.name, _VALIDATION_NAME, "ILSVRC2012_val_00000001.JPEG")
            found[image.name] = image.offset_data, image.size
    if len(found) != len(synsets):
        raise ValueError(f"{path} has {len(found):,} images; expected {len(synsets):,}")
    for name, synset in zip(sorted(found), synsets, strict=True):
        yield name.encode(), labels[synset], *found[name], 0


def _members(file: BinaryIO, what: str) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The files of an archive, which has to be whole: its end is marked by zeros."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.size <= 0:
                    raise ValueError(f"{what}: {member.name!r} is empty or no file; "
                                     "fetch the archive again")
                yield archive, member
            # A header that is damaged or lacks ends the reading without an error.
            file.seek(archive.offset)
            if file.read(_END) != bytes(_END):
                raise tarfile.ReadError(f"damaged or cut off at byte {archive.offset:,}")
    except tarfile.TarError as error:
        raise ValueError(f"{what} is no whole tar archive: {error}; fetch it again") from error


def _check_name(path: str, name: str, pattern: str, like: str) -> None:
    if not re.fullmatch(pattern, name, re.ASCII):
        raise ValueError(f"{path} holds {name!r}; expected names as {like}")
