"""Writes a small JPEG image folder of patches of photographs: one class a photograph.

    python -m tools.patches_folder --out=/tmp/patches brick.png grass.png gravel.png coffee.png

gives /tmp/patches/train/brick/0000.jpg and so on out of the left half of each photograph, and the
same under validation out of the right half: a set to try fine-tuning on that needs no network.
scikit-image and scikit-learn ship photographs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from absl import flags

from zoo.cli import PATH, run_tool
from zoo.data.folder import new_folder
from zoo.lazy import lazy_module

np = lazy_module("numpy")

_OUT = flags.DEFINE(
    PATH, "out", None, "The folder to write; it must not exist, or be empty.", required=True
)
_COUNTS = {
    name: flags.DEFINE_integer(f"{name}_per_class", most, f"Patches a class in {name}/.",
                               lower_bound=1)
    for name, most in {"train": 20, "validation": 50}.items()
}
_SIZE = flags.DEFINE_integer(
    "size", 96, "Height and width of the patches in pixels.", lower_bound=8
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the patches' places.", lower_bound=0)


def write_patches(
    out: str, photographs: Sequence[str], *, counts: dict[str, int], size: int, seed: int = 0
) -> None:
    """Writes `out`/{train,validation}/NAME/*.jpg, RGB, `size` pixels square, or nothing at all.

    Raises:
      ValueError: `out` is taken; fewer than two photographs, two of one name, or one whose halves
        are smaller than a patch.
      OSError: a photograph that cannot be read.
    """
    from PIL import Image  # here: `--help` needs no image library

    names = [os.path.splitext(os.path.basename(path))[0] for path in photographs]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"got {len(names)} photographs named {names}; expected two or more, each "
                         "with another name")
    rng = np.random.default_rng(seed)
    with new_folder(out) as aside:
        for name, path in zip(names, photographs, strict=True):
            with Image.open(path) as photograph:
                pixels = np.asarray(photograph.convert("RGB"))
            height, width, _ = pixels.shape
            if min(height, width // 2) < size:
                raise ValueError(f"{path} has {width}x{height} pixels; expected at least "
                                 f"{2 * size}x{size}, since each half gives patches")
            for split, left, right in (("train", 0, width // 2), ("validation", width // 2, width)):
                folder = os.path.join(aside, split, name)
                os.makedirs(folder)
                for number in range(counts[split]):
                    y = rng.integers(0, height - size + 1)
                    x = rng.integers(left, right - size + 1)
                    patch = Image.fromarray(pixels[y : y + size, x : x + size])
                    patch.save(os.path.join(folder, f"{number:04d}.jpg"), quality=95)


def main(photographs: list[str]) -> None:
    write_patches(
        _OUT.value, photographs, size=_SIZE.value, seed=_SEED.value,
        counts={name: flag.value for name, flag in _COUNTS.items()},
    )


if __name__ == "__main__":
    run_tool(main, __doc__, takes_files=True)
