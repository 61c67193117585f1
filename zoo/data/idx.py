"""`idx:DIR`: MNIST, Fashion-MNIST, KMNIST, EMNIST and others in MNIST's IDX format.

Both namings (`train-images-idx3-ubyte`, `train-images.idx3-ubyte`), gzipped or not, with or without
a prefix as in `emnist-balanced-train-images-idx3-ubyte`. EMNIST stores its images transposed:
files whose prefix starts with `emnist` are turned upright here.
"""

from __future__ import annotations

import gzip
import math
import os
import re
import zlib

from zoo.data.class_names import read_lines
from zoo.data.holdout import HELD_OUT, stratified_holdout
from zoo.data.splits import ArraySplit, Source
from zoo.lazy import lazy_module

np = lazy_module("numpy")

_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?"
)
# Times that data may be larger than its gzipped file: digits are 5 to 10, zlib's most is 1,032.
_MOST_UNPACKED = 100
_IMAGES_MAGIC, _LABELS_MAGIC = 2051, 2049  # unsigned bytes in 3 dimensions, in 1


def open_idx(folder: str, *, prefix: str, only: str = "") -> Source:
    """Opens the IDX files of a folder: `train`, a tenth of it as `validation`, `test`.

    Classes are the labels found in the training file, in ascending order (EMNIST letters count from
    1), named by their number, or by the characters of a `PREFIXmapping.txt` beside the files.

    Args:
      folder: where the four files are.
      prefix: which of several data sets in the folder, as "emnist-balanced"; "" when there is one.
      only: the one split that is wanted; the files of others need not be there. "" for all.

    Raises:
      ValueError: missing, ambiguous or damaged files.
    """
    needed = {"": ("train", "test"), "test": ("test",)}.get(only, ("train",))
    prefix, paths = _find(folder, prefix, needed)
    # The training file's labels are the classes, also where only test images are wanted.
    known = np.unique(_read_labels(paths["train" if "train" in paths else "test"]))
    pairs = {}
    for part in needed:
        images, labels = _read_pair(paths[part])
        unknown = np.setdiff1d(labels, known)
        if len(unknown):
            raise ValueError(f"{paths[part]['labels']} has label {unknown[0]}, "
                             "which no training example has")
        upright = images.swapaxes(1, 2) if prefix.startswith("emnist") else images
        pairs[part] = ArraySplit(upright, np.searchsorted(known, labels).astype(np.int32))
    _check_sizes(pairs, paths)
    splits = {"test": pairs["test"]} if "test" in pairs else {}
    if "train" in pairs:
        kept, held_out = stratified_holdout(pairs["train"].labels, HELD_OUT)
        splits = {"train": pairs["train"].subset(kept),
                  "validation": pairs["train"].subset(held_out), **splits}
    names = _class_names(os.path.join(folder, f"{prefix}mapping.txt"), known)
    return Source("idx", names, channels=1, splits=splits)


def _check_sizes(pairs: dict[str, ArraySplit], paths: dict[str, dict[str, str]]) -> None:
    if len(pairs) == 2:
        here, there = (pairs[part].images.shape[1:3] for part in ("test", "train"))
        if here != there:
            raise ValueError(f"{paths['test']['images']} has images of {here} pixels; expected "
                             f"{there} as in the training file")


def _find(
    folder: str, wanted: str, needed: tuple[str, ...]
) -> tuple[str, dict[str, dict[str, str]]]:
    """Returns the prefix and path[part][what] of one data set in the folder; parts as `needed`."""
    if not os.path.isdir(folder):
        raise ValueError(f"no folder {folder!r}; expected one with MNIST's IDX files")
    sets: dict[str, dict[tuple[str, str], str]] = {}
    for name in sorted(os.listdir(folder)):
        match = _NAME.fullmatch(name)
        if match:
            part = "train" if match["part"] == "train" else "test"
            # Sorted: of a file and its gzipped copy the plain one is met first, and stays.
            files = sets.setdefault(match["prefix"], {})
            files.setdefault((part, match["what"]), os.path.join(folder, name))
    if wanted:
        sets = {k: v for k, v in sets.items() if k.strip("-_.") == wanted.strip("-_.")}
    if not sets:
        what = f" of the set {wanted!r}" if wanted else ""
        raise ValueError(f"no IDX files{what} in {folder!r}; "
                         "expected train-images-idx3-ubyte or train-images-idx3-ubyte.gz and so on")
    if len(sets) > 1:
        names = ", ".join(prefix.strip("-_.") or "(no prefix)" for prefix in sets)
        raise ValueError(f"several data sets in {folder!r}: {names}; "
                         f"choose one with idx:{folder},set=NAME")
    [(prefix, files)] = sets.items()
    for part, plain in (("train", "train"), ("test", "t10k")):
        for what, digit in (("images", 3), ("labels", 1)):
            if part in needed and (part, what) not in files:
                raise ValueError(f"missing file in {folder!r}; "
                                 f"expected {prefix}{plain}-{what}-idx{digit}-ubyte[.gz]")
    paths: dict[str, dict[str, str]] = {}
    for (part, what), path in files.items():
        paths.setdefault(part, {})[what] = path
    return prefix, {part: found for part, found in paths.items() if len(found) == 2}


def _read_pair(paths: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns images uint8 [N,H,W,1] and labels uint8 [N]."""
    images = _read(paths["images"], _IMAGES_MAGIC, rank=3)
    labels = _read_labels(paths)
    if len(images) != len(labels):
        raise ValueError(f"{paths['images']} has {len(images)} images, "
                         f"{paths['labels']} {len(labels)} labels; expected as many")
    return images[..., None], labels


def _read_labels(paths: dict[str, str]) -> np.ndarray:
    """Returns uint8 [N]."""
    return _read(paths["labels"], _LABELS_MAGIC, rank=1)


def _read(path: str, magic: int, rank: int) -> np.ndarray:
    """Returns uint8 of the shape that the file's header says; no more than that is read."""
    if not os.path.isfile(path):
        raise ValueError(f"{path} is no regular file; expected an IDX file")
    try:
        with open(path, "rb") as file:
            most = os.fstat(file.fileno()).st_size
            # By content: downloads lose and gain the suffix .gz.
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            stream = gzip.GzipFile(fileobj=file) if packed else file
            shape = _read_header(path, stream.read(4 + 4 * rank), magic, rank)
            size = math.prod(shape)
            if size > most * (_MOST_UNPACKED if packed else 1):
                raise ValueError(f"{path} has {most} bytes, its header says {shape}, more than "
                                 "they can hold; it is truncated or damaged: fetch it again")
            content = stream.read(size)
            more = stream.read(1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read ({error}); fetch it again") from error
    if len(content) != size or more or not size:
        found = f"over {size}" if more else len(content)
        raise ValueError(f"{path} has {found} bytes of data, its header says {shape}; "
                         "it is truncated or damaged: fetch it again")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_header(path: str, start: bytes, magic: int, rank: int) -> tuple[int, ...]:
    """The shape of the data, out of the first 4 + 4 * rank bytes."""
    header = np.frombuffer(start[: len(start) // 4 * 4], ">u4")
    if len(header) < 1 + rank or header[0] != magic:
        found = header[0] if len(header) else "an empty file"
        raise ValueError(f"{path} is no IDX file of {rank} dimensions, got {found} at its start; "
                         f"expected {magic}")
    return tuple(int(n) for n in header[1:])


def _class_names(mapping: str, known: np.ndarray) -> tuple[str, ...]:
    """EMNIST's mapping files have lines `label code [code]`: a character, or both its cases."""
    if not os.path.isfile(mapping):
        return tuple(str(label) for label in known)
    lines = read_lines(mapping)
    rows = [[int(number) for number in line.split()] for line in lines if line.strip()]
    names = {row[0]: "".join(map(chr, row[1:])) for row in rows}
    missing = [int(label) for label in known if label not in names]
    if missing:
        raise ValueError(f"{mapping} has no line for label {missing[0]}")
    return tuple(names[int(label)] for label in known)
