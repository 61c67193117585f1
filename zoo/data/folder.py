"""`folder:DIR`: DIR/train/CLASS/*.jpg, DIR/validation/CLASS/*.jpg (or val), optionally DIR/test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from zoo.data.splits import FileSplit, Source
from zoo.files import folder_aside, remove_left_aside
from zoo.lazy import lazy_module

np = lazy_module("numpy")

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
# Left out in silence they would be images nobody trains on.
_UNREADABLE = (".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".ppm", ".pgm", ".svg", ".raw")


def open_folder(folder: str) -> Source:
    """Opens a folder of image files; the class names are the sorted names of its sub-folders.

    Hidden files and files that are no images are left out. A suffix only says that a file is an
    image: what it holds decides how it is decoded.

    Raises:
      ValueError: a missing or empty folder, a class without images, splits with unlike classes,
        or image formats that cannot be read.
    """
    if not os.path.isdir(folder):
        raise ValueError(f"no folder {folder!r}; expected one with train/CLASS/*.jpg "
                         "and validation/CLASS/*.jpg")
    paths = {split: os.path.join(folder, split) for split in ("train", "validation", "test")}
    both = [os.path.join(folder, name) for name in ("validation", "val")]
    found = [path for path in both if os.path.isdir(path)]
    if len(found) > 1:
        raise ValueError(f"{folder!r} has both validation/ and val/; remove one")
    paths["validation"] = [*found, both[0]][0]
    for split in ("train", "validation"):
        if not os.path.isdir(paths[split]):
            raise ValueError(f"{folder!r} has no {split}/; move the images of each class to "
                             f"{split}/CLASS/")
    class_names = _class_names(paths["train"])
    if not os.path.isdir(paths["test"]):
        del paths["test"]
    for path in paths.values():
        _check_classes(path, _class_names(path), paths["train"], class_names)
    splits = {split: _open_split(path, class_names) for split, path in paths.items()}
    return Source("folder", class_names, channels=3, splits=splits)


@contextlib.contextmanager
def new_folder(out: str) -> Iterator[str]:
    """Gives a folder to write into that becomes `out` at the end, or is removed after an error.

    Raises:
      ValueError: `out` exists and is not an empty folder, or cannot be made.
    """
    if os.path.exists(out) and (not os.path.isdir(out) or os.listdir(out)):
        raise ValueError(f"--out must be a new or an empty folder, got {out!r}, which is neither")
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


def _class_names(path: str) -> tuple[str, ...]:
    with os.scandir(path) as entries:
        names = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
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


def _open_split(path: str, class_names: tuple[str, ...]) -> FileSplit:
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(class_names):
        images = _image_files(os.path.join(path, name))
        paths += images
        labels += [label] * len(images)
    return FileSplit(np.array(paths, dtype=object), np.array(labels, dtype=np.int32))


def _image_files(path: str) -> list[str]:
    with os.scandir(path) as entries:
        names = sorted(e.name for e in entries if e.is_file() and not e.name.startswith("."))
    for name in names:
        if name.lower().endswith(_UNREADABLE):
            raise ValueError(f"{os.path.join(path, name)} cannot be read; "
                             f"expected {', '.join(SUFFIXES)}: convert or remove it")
    images = [os.path.join(path, name) for name in names if name.lower().endswith(SUFFIXES)]
    if not images:
        raise ValueError(f"class folder {path!r} has no images; "
                         f"expected files ending in {', '.join(SUFFIXES)}, or no such folder")
    return images
