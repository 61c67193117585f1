"""`folder:DIR`: DIR/train/CLASS/*.jpg, DIR/validation/CLASS/*.jpg (or val), optionally DIR/test."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from zoo.data.holdout import divide_by_name
from zoo.data.image_files import (
    HIDDEN,
    SUFFIXES,
    LeftOut,
    count_left_out,
    describe,
    find_images,
    merge,
)
from zoo.data.splits import FileSplit, Source
from zoo.files import folder_aside, remove_left_aside
from zoo.lazy import lazy_module

np = lazy_module("numpy")


def open_folder(
    folder: str, *, recursive: bool = True, validation_share: float | None = None, only: str = ""
) -> Source:
    """Opens a folder of image files; the class names are the sorted names of its sub-folders.

    What is left out there is told on standard error, in one line, and kept as `left_out`; so are
    test images that are in no class's folder, whose labels nobody knows.

    recursive: whether sub-folders of the classes' folders are looked into.
    validation_share: of the training images, in (0, 1), for a folder without validation images:
        with train/ alone, or with the classes' folders alone; see `divide_by_name`.
    only: the one split that is wanted; the others need not be there, and the classes' folders alone
        are this split. "" for all.

    Raises:
      ValueError: a missing or empty folder, a class without images, or splits with unlike classes.
    """
    paths = split_folders(folder)
    if not paths and (validation_share or only):
        paths = {"train" if validation_share else only: folder}
    for split in (only,) if only else ("train", "validation"):
        if split not in paths and not (validation_share and split == "validation"):
            others = "" if only else (
                f", or name the classes' folders alone: --data=folder:{folder},validation_share=0.2"
            )
            raise ValueError(f"{folder!r} has no {split}/; move the images of each class to "
                             f"{split}/CLASS/{others}")
    splits, left_out = {}, []
    if not only and "test" in paths and not _class_folders(paths["test"]):
        left_out += _beside_classes(paths.pop("test"))
    # Of the training images, where they are there: the labels of a model count in their order.
    first = paths.get("train", paths.get(only))
    class_names = _class_names(first)
    if not validation_share:
        paths = {split: path for split, path in paths.items() if only in ("", split)}
    for path in paths.values():
        _check_classes(path, _class_names(path), first, class_names)
    for split, path in paths.items():
        splits[split], left_out_there = _open_split(path, class_names, recursive)
        left_out += left_out_there
    spec = f"folder:{folder}"
    splits = divide_by_name(splits, paths.get("train", folder), validation_share, spec)
    splits = {split: one for split, one in splits.items() if only in ("", split)}
    left_out = merge(left_out)
    if left_out:
        print(f"{folder}: {describe(left_out)}", file=sys.stderr, flush=True)
    return Source("folder", class_names, channels=3, splits=splits, left_out=left_out)


def split_folders(folder: str) -> dict[str, str]:
    """The folder of each split that is there: "train", "validation" and "test".

    Raises:
      ValueError: no such folder, or two folders of validation images.
    """
    if not os.path.isdir(folder):
        raise ValueError(f"no folder {folder!r}; expected one with train/CLASS/*.jpg "
                         "and validation/CLASS/*.jpg")
    names = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
    found = [name for name in names if os.path.isdir(os.path.join(folder, name))]
    if {"validation", "val"} <= set(found):
        raise ValueError(f"{folder!r} has both validation/ and val/; remove one")
    return {names[name]: os.path.join(folder, name) for name in found}


@contextlib.contextmanager
def new_folder(out: str) -> Iterator[str]:
    """Gives a folder to write into that becomes `out` at the end, or is removed after an error.

    Raises:
      ValueError: `out` exists and is not an empty folder, or cannot be made.
    """
    check_new_folder(out)
    out = os.path.abspath(out)
    with contextlib.ExitStack() as stack:
        try:
            os.makedirs(os.path.dirname(out), exist_ok=True)
            # Beside `out`, so that the rename at the end stays within one disk.
            remove_left_aside(os.path.dirname(out))
            aside = stack.enter_context(folder_aside(os.path.dirname(out)))
        except OSError as error:
            raise ValueError(f"--out cannot be made, got {out!r}: {error.strerror}") from error
        yield str(aside)
        os.rename(aside, out)


def check_new_folder(out: str) -> None:
    """Raises ValueError where `out` exists and is not an empty folder."""
    if os.path.exists(out) and (not os.path.isdir(out) or os.listdir(out)):
        raise ValueError(f"--out must be a new or an empty folder, got {out!r}, which is neither")


def _class_folders(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def _class_names(path: str) -> tuple[str, ...]:
    names = _class_folders(path)
    if not names:
        raise ValueError(f"{path!r} has no class folders; expected {path}/CLASS/*.jpg")
    return tuple(names)


def _check_classes(
    path: str, names: tuple[str, ...], train: str, train_names: tuple[str, ...]
) -> None:
    for here, there, owner, other in (
        (names, train_names, train, path),
        (train_names, names, path, train),
    ):
        missing = sorted(set(here) - set(there))
        if missing:
            raise ValueError(f"class {missing[0]!r} is in {other!r} but not in {owner!r} "
                             f"({len(missing)} such); expected the same classes in all splits")


def _open_split(
    path: str, class_names: tuple[str, ...], recursive: bool
) -> tuple[FileSplit, list[LeftOut]]:
    paths: list[str] = []
    labels: list[int] = []
    left_out = _beside_classes(path)
    for label, name in enumerate(class_names):
        folder = os.path.join(path, name)
        images, left_out_there = find_images(folder, recursive=recursive)
        if not images:
            told = f" ({describe(left_out_there)})" if left_out_there else ""
            raise ValueError(f"class folder {folder!r} has no images{told}; "
                             f"expected files as *{', *'.join(SUFFIXES)}, or no such folder")
        paths += images
        labels += [label] * len(images)
        left_out += left_out_there
    split = FileSplit(np.array(paths, dtype=object), np.array(labels, dtype=np.int32))
    return split, left_out


def _beside_classes(path: str) -> list[LeftOut]:
    with os.scandir(path) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    return count_left_out(
        (entry.path, HIDDEN if entry.name.startswith(".") else "in no class folder")
        for entry in ordered if entry.name.startswith(".") or not entry.is_dir()
    )
