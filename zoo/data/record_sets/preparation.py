"""`preparation.json`: what a prepared set, finished or not, is made of.

So a run that was killed goes on, and one with other options or other images is refused instead of
mixed in. Beside it an unfinished set has the folder `work`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator

from zoo.files import write_text

WORK = "work"
_FILE = "preparation.json"


def read_preparation(folder: str) -> dict:
    with open(os.path.join(folder, _FILE), encoding="utf-8") as file:
        return json.load(file)


def check_same(folder: str, preparation: dict) -> None:
    """Raises ValueError unless the finished set in `folder` is the one to prepare."""
    if not os.path.isfile(os.path.join(folder, _FILE)):
        raise ValueError(f"{folder} exists and was not prepared here; give another root, name or "
                         "version, or remove it")
    if _made_of(read_preparation(folder)) != _made_of(preparation):
        raise ValueError(f"{folder} was prepared from other files or with other options; give "
                         "another name or version, or remove it")
    if os.path.isdir(os.path.join(folder, WORK)):  # killed behind the last step
        shutil.rmtree(os.path.join(folder, WORK))


@contextlib.contextmanager
def begun(partial: str, preparation: dict) -> Iterator[None]:
    """Makes or takes up the folder of an unfinished set; only one process at a time holds it.

    Raises:
      ValueError: another process holds it, or it was begun with other options or another place's
        images. Images of the same place may have been replaced.
    """
    os.makedirs(os.path.join(partial, WORK), exist_ok=True)
    with open(os.path.join(partial, WORK, "lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a kill frees it
        except BlockingIOError:
            raise ValueError(f"another process is preparing {partial}; wait for it") from None
        path = os.path.join(partial, _FILE)
        if os.path.isfile(path):
            _check_begun(partial, read_preparation(partial), preparation)
        write_text(path, json.dumps(preparation, indent=1))
        for entry in os.scandir(os.path.join(partial, WORK)):
            # Files that were not renamed before a kill, and what was wrong with images then.
            if entry.name.startswith(".") or entry.name.endswith((".aside", ".faults")):
                os.remove(entry.path)
        yield


def _made_of(preparation: dict) -> dict:
    """What decides the set; not where its files happen to lie."""
    splits = {
        split: {key: value for key, value in about.items() if key != "place"}
        for split, about in preparation["splits"].items()
    }
    return {**preparation, "splits": splits}


def _check_begun(partial: str, old: dict, new: dict) -> None:
    way_out = "give what it was, another name or version, or remove that folder"
    for key in sorted({*old, *new} - {"splits"}):
        if old.get(key) != new.get(key):
            told = "" if key == "class_names" else f": {old.get(key)}, now {new.get(key)}"
            raise ValueError(f"{partial} was begun with other {key}{told}; {way_out}")
    if sorted(old["splits"]) != sorted(new["splits"]):
        raise ValueError(f"{partial} was begun with the splits {sorted(old['splits'])}, now "
                         f"{sorted(new['splits'])}; {way_out}")
    for split, was in old["splits"].items():
        now = new["splits"][split]
        moved = was["place"] != now["place"] and was["digest"] != now["digest"]
        if moved or was["num_shards"] != now["num_shards"]:
            raise ValueError(f"{partial} was begun with other images of {split}, those of "
                             f"{was['place']}; {way_out}")
