"""The public checkpoints: where each lies, its hash, its preprocessing, its published accuracy.

catalogue.tsv holds them, one a row, and its header says what the columns are and where they come
from. Reading it loads neither TensorFlow nor Keras.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import fnmatch
import functools
import math
import pathlib

from zoo.weights.preprocessing import Preprocessing


@dataclasses.dataclass(frozen=True)
class Entry:
    """A checkpoint.

    library, model_there: who published it and the model's name there ("timm", "resnet50d").
    tag: which of the model's checkpoints it is ("ra2_in1k"); "" where there is only one.
    urls: where it can be had, in this order: https://..., or package:MODULE/PATH for a file
        inside an installed package.
    hash: of the file at the first address, as "sha256:HEX" (`zoo.weights.download` says which
        others there are); "" where none was published.
    licence: of the weights; "(package)" behind it: the library's, none is told for the weights.
    dataset: what its classes are: "imagenet" (the 1000 of ILSVRC2012) or "mnist".
    bgr: the first convolution reads blue, green, red; `preprocessing` is RGB all the same.
    preprocessing, top_1, top_5: how it was evaluated, and the accuracies then, in percent; None
        where none was published.
    test_preprocessing, test_top_1, test_top_5: the same at a second, larger size; None where
        there is none.
    default_of: the zoo's models that load it for `weights=dataset`, mostly none or one.
    """

    library: str
    model_there: str
    tag: str
    urls: tuple[str, ...]
    hash: str
    licence: str
    dataset: str
    bgr: bool
    preprocessing: Preprocessing
    top_1: float | None
    top_5: float | None
    test_preprocessing: Preprocessing | None
    test_top_1: float | None
    test_top_5: float | None
    default_of: tuple[str, ...]

    @property
    def name(self) -> str:
        """LIBRARY:MODEL.TAG, as `find` takes it."""
        return f"{self.library}:{self.model_there}{'.' if self.tag else ''}{self.tag}"

    @property
    def accuracies(self) -> dict[str, dict[str, float]]:
        """The published ones, as of a card: {"imagenet at 224 pixels, ...": {"top_1": 0.75, ...}};
        empty where there are none."""
        known = {"top_1": self.top_1, "top_5": self.top_5}
        shares = {name: value / 100 for name, value in known.items() if value is not None}
        size = self.preprocessing.image_size
        if not shares:
            return {}
        return {f"{self.dataset} at {size} pixels, published with {self.name}": shares}


def entries(pattern: str = "*") -> list[Entry]:
    """The checkpoints whose names match a shell pattern as `timm:resnet50*`, a library's in its
    own order."""
    return [entry for entry in _read() if fnmatch.fnmatchcase(entry.name, pattern)]


def find(name: str) -> Entry:
    """The checkpoint `name`; without a tag, the first of that model, which is the library's own
    choice.

    Raises:
      ValueError: there is none; the message names similar ones.
    """
    for entry in _read():
        if name in (entry.name, f"{entry.library}:{entry.model_there}"):
            return entry
    names = [entry.name for entry in _read()]
    untagged = name.partition(".")[0]
    close = fnmatch.filter(names, f"{untagged}[.]*") or difflib.get_close_matches(name, names, n=3)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else "."
    raise ValueError(f"unknown weights {name!r}{hint} See zoo.weights.catalogue.entries()")


def default_for(zoo_model: str, dataset: str = "imagenet") -> Entry:
    """What the zoo's model `zoo_model` loads for `weights=dataset`.

    Raises:
      ValueError: there is none; the message says what there is.
    """
    found = {entry.dataset: entry for entry in _read() if zoo_model in entry.default_of}
    if dataset in found:
        return found[dataset]
    there_is = f"expected one of {sorted(found)}" if found else "there are no weights of it"
    raise ValueError(f"model {zoo_model!r}: got weights={dataset!r}; {there_is}")


@functools.cache
def _read() -> tuple[Entry, ...]:
    path = pathlib.Path(__file__).with_name("catalogue.tsv")
    lines = [x for x in path.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
    return tuple(_entry(row) for row in csv.DictReader(lines, delimiter="\t", strict=True))


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        library=row["library"],
        model_there=row["model_there"],
        tag=row["tag"],
        urls=tuple(row["url"].split(" ")),
        hash=row["hash"],
        licence=row["licence"],
        dataset=row["dataset"],
        bgr=row["channels"] == "BGR",
        preprocessing=_preprocessing(row, ""),
        top_1=_number(row["top_1"]),
        top_5=_number(row["top_5"]),
        test_preprocessing=_preprocessing(row, "test_") if row["test_input_size"] else None,
        test_top_1=_number(row["test_top_1"]),
        test_top_5=_number(row["test_top_5"]),
        default_of=tuple(row["default_of"].split()),
    )


def _preprocessing(row: dict[str, str], prefix: str) -> Preprocessing:
    size = int(row[f"{prefix}input_size"])
    return Preprocessing(
        image_size=size,
        eval_resize=math.floor(size / float(row[f"{prefix}crop_pct"])),  # as timm rounds it
        resizing=row["interpolation"],
        mean=tuple(float(level) for level in row["mean"].split("/")),
        std=tuple(float(level) for level in row["std"].split("/")),
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
