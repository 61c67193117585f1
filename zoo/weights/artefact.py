"""A trained model as one file: `model.safetensors`.

All values by the zoo's own paths ("stage1_block1_conv1/kernel"), and in the header's metadata,
under the key "zoo", the card as JSON. Numpy and safetensors are enough to read both:

    with safetensors.safe_open("model.safetensors", "numpy") as file:
        card = json.loads(file.metadata()["zoo"])
        kernel = file.get_tensor("stem_conv1/kernel")
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zoo.files import write_bytes
from zoo.lazy import lazy_module
from zoo.weights import card as cards
from zoo.weights.card import Card

np = lazy_module("numpy")
readers = lazy_module("zoo.weights.readers")
safetensors = lazy_module("safetensors")
safetensors_numpy = lazy_module("safetensors.numpy")

# The name of the file in a run's folder.
NAME = "model.safetensors"
_KEY = "zoo"


def write(path: str | Path, values: Mapping[str, np.ndarray], card: Card) -> None:
    """Writes the whole file or nothing.

    values: variable path -> array, in the dtype in which they are to be kept.
    """
    arrays = {name: np.ascontiguousarray(value) for name, value in values.items()}
    # Not save_file: it makes files that others may not read.
    write_bytes(path, safetensors_numpy.save(arrays, metadata={_KEY: card.to_json()}))


def read_card(path: str | Path) -> Card | None:
    """The card of a file; None for one that has none, as of another library.

    Raises:
      ValueError: a file that cannot be read, or a card of another format; in one line.
    """
    if readers.kind_of(path) != "safetensors":
        return None
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_KEY)
        return None if text is None else cards.from_json(text)
    except (ValueError, safetensors.SafetensorError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from error
