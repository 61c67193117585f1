"""One shard of a prepared set: a job that any thread or machine can do from the disk alone.

Beside `preparation.json` the folder of an unfinished set holds `work/`: for each split its
`Examples.rows` in the order of shards, and what became of each shard. A shard is written under
another name and renamed, then noted as done with a digest of the rows it was made from: after a
kill only what is missing, or was made from other files, is written.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from typing import NamedTuple

from zoo.data.bad_images import read_image, why_unreadable
from zoo.data.image_format import READ, START, format_of
from zoo.data.record_sets.preparation import WORK, read_preparation
from zoo.files import write_bytes
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")
tfds = lazy_module("tensorflow_datasets")


class Job(NamedTuple):
    """A shard to write. folder: of the set that is being prepared, on a disk that all share."""

    folder: str
    split: str
    shard: int

    def path(self, num_shards: int, name: str) -> str:
        """Where the finished shard is, as TFDS calls it."""
        file = f"{name}-{self.split}.tfrecord-{self.shard:05d}-of-{num_shards:05d}"
        return os.path.join(self.folder, file)

    def note(self, ending: str) -> str:
        """The path of a note on this shard."""
        return os.path.join(self.folder, WORK, f"{self.split}-{self.shard:05d}.{ending}")


def rows_of(job: Job) -> np.ndarray:
    """The rows of this shard; only they are read."""
    rows = np.load(os.path.join(job.folder, WORK, f"{job.split}.npy"), mmap_mode="r")
    first, end = np.searchsorted(rows["shard"], [job.shard, job.shard + 1])
    return rows[first:end]


def digest(rows: np.ndarray) -> str:
    return hashlib.sha256(rows.tobytes()).hexdigest()


def is_done(job: Job, num_shards: int, name: str) -> bool:
    """Whether the shard lies there, made from the files that are there now."""
    try:
        with open(job.note("done"), encoding="ascii") as file:
            done = file.read()
    except FileNotFoundError:
        return False
    return done == digest(rows_of(job)) and os.path.isfile(job.path(num_shards, name))


def set_features(class_names: list[str]) -> tfds.features.FeaturesDict:
    """Those of TFDS's own ImageNet: image, label, file_name."""
    return tfds.features.FeaturesDict({
        "image": tfds.features.Image(),
        "label": tfds.features.ClassLabel(names=class_names),
        "file_name": tfds.features.Text(),
    })


def write_shard(job: Job) -> None:
    """Writes one shard, or, where images cannot be read, a note that names all of them.

    Raises:
      OSError: a file that is gone or a disk that is full.
      ValueError: a file that became shorter.
    """
    preparation = read_preparation(job.folder)
    split = preparation["splits"][job.split]
    features = set_features(preparation["class_names"])
    rows = rows_of(job)
    # Not files.written_aside: processes of two machines may have the same number.
    aside = job.note(f"{socket.gethostname()}-{os.getpid()}-{threading.get_ident()}.aside")
    faults = []
    with tf.io.TFRecordWriter(aside) as writer:
        for row in rows:
            encoded = _read(split["place"], row)
            fault = _fault(encoded, decode=preparation["check_images"])
            if fault:
                faults.append(f"{os.path.join(split['place'], os.fsdecode(row['name']))}: {fault}")
            elif not faults:
                serialized = features.serialize_example({
                    "image": encoded, "label": int(row["label"]), "file_name": row["name"]
                })
                # Else the order of the keys differs between processes, and so do equal shards.
                example = tf.train.Example.FromString(serialized)
                writer.write(example.SerializeToString(deterministic=True))
    if faults:
        os.remove(aside)
        _write_note(job.note("faults"), "\n".join(faults))
        return
    # The note must not reach the disk before the shard does.
    with open(aside, "rb") as file:
        os.fsync(file.fileno())
    os.replace(aside, job.path(split["num_shards"], preparation["name"]))
    _write_note(job.note("done"), digest(rows))


def _write_note(path: str, text: str) -> None:
    write_bytes(path, os.fsencode(text))  # with names of files, which may be no UTF-8


def _read(place: str, row: np.void) -> bytes:
    path = place if os.path.isfile(place) else os.path.join(place, os.fsdecode(row["name"]))
    file = os.open(path, os.O_RDONLY)
    try:
        encoded = os.pread(file, int(row["size"]), int(row["offset"]))
    finally:
        os.close(file)
    if len(encoded) != row["size"]:
        raise ValueError(f"{path} became shorter while it was read; start again")
    return encoded


def _fault(encoded: bytes, *, decode: bool) -> str:
    """What is wrong with the bytes of an image file, or nothing."""
    if format_of(encoded[:START]) not in READ:
        return why_unreadable(encoded)
    if decode:
        try:
            read_image(encoded, 3)
        except ValueError as error:
            return str(error)
    return ""
