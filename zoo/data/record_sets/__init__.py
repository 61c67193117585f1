"""From images to a prepared set, which `tfds:NAME` and TensorFlow Datasets itself open.

    prepare(find_images("/data/flowers"), root="/data/tfds", name="flowers")

writes /data/tfds/flowers/1.0.0: TFRecord shards of about 128 MiB and the metadata of TFDS. Image
files are stored byte for byte. Which shard an image comes into, and where in it, follows from a
hash of the seed and its name: shards mix all classes, and to replace an image changes one shard.
The set is written beside its place and moved there when all of it has been counted.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import math
import os
import re
import shutil
from collections.abc import Callable, Sequence

from zoo.data.record_sets.imagenet_tars import Edition, published
from zoo.data.record_sets.inputs import Inputs
from zoo.data.record_sets.preparation import WORK, begun, check_same
from zoo.data.record_sets.shard_job import Job, digest, is_done, rows_of, set_features, write_shard
from zoo.data.records import open_files
from zoo.given_path import as_path
from zoo.lazy import lazy_module
from zoo.progress import with_progress

np = lazy_module("numpy")
tfds = lazy_module("tensorflow_datasets")

IMAGENET, IMAGENET_VERSION = "imagenet2012", "5.1.0"  # as TFDS's own builder, which then opens it
_LEAST_A_SHARD = 32  # images, on average: a hash fills shards unevenly

Run = Callable[[Sequence[Job]], None]


def in_threads(threads: int = 0) -> Run:
    """Jobs in threads of this process; 0: one a core.

    Reading, decoding and writing are done outside of Python's lock.
    """
    def run(jobs: Sequence[Job]) -> None:
        with concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            written = pool.map(write_shard, jobs)
            for _ in with_progress(written, len(jobs), "writing shards"):
                pass

    return run


def prepare(
    inputs: Inputs,
    *,
    root: str,
    name: str,
    version: str = "",
    seed: int = 0,
    shard_mb: float = 128,
    check_images: bool = True,
    run: Run | None = None,
    edition: Edition | None = None,
) -> str:
    """Prepares a set, or goes on with one that was stopped or killed.

    Args:
      inputs: from `find_images` or `imagenet_tars.find_members`.
      root: the folder of prepared sets, TFDS's data_dir.
      name: of the set; imagenet2012 has to be ImageNet, to the last image.
      version: as 1.0.0, which "" stands for (imagenet2012: 5.1.0, that of TFDS).
      seed: of the order.
      shard_mb: MiB in a shard, on average.
      check_images: decodes every image; False looks only at how it begins.
      run: does the jobs, `write_shard` each; None for `in_threads()`.
      edition: what imagenet2012 has to be; None for `published()`.

    Returns:
      The folder root/name/version.

    Raises:
      ValueError: a wrong argument, images that cannot be read, another set in that place or begun
        there, too little space, or counts that differ.
      OSError: what the disk reports.
    """
    version = version or (IMAGENET_VERSION if name == IMAGENET else "1.0.0")
    _check_names(name, version, inputs.class_names)
    edition = (edition or published()) if name == IMAGENET else None
    if edition:
        edition.check(inputs.class_names, inputs.counts)
    if shard_mb <= 0:
        raise ValueError(f"shard_mb out of range, got {shard_mb}; expected MiB over 0")
    folder = os.path.join(os.path.abspath(as_path(root)), name, version)
    rows, preparation = _planned(inputs, name, version, seed, shard_mb, check_images)
    if os.path.lexists(folder):
        check_same(folder, preparation)
        return folder
    partial = f"{folder}.partial"
    with begun(partial, preparation):
        for split, ordered in rows.items():
            np.save(os.path.join(partial, WORK, f"{split}.npy"), ordered)
        _write_shards(partial, preparation, run or in_threads())
        counts = _write_metadata(partial, preparation)
        for split, expected in inputs.counts.items():
            if counts[split] != expected:
                raise ValueError(f"{split} has {counts[split]:,} records in {partial}; expected "
                                 f"{expected:,}: remove that folder and start again")
        if edition:
            edition.check(inputs.class_names, counts)
        os.rename(partial, folder)
    shutil.rmtree(os.path.join(folder, WORK))
    return folder


def _check_names(name: str, version: str, class_names: Sequence[str]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"got name={name!r}; expected lower-case letters, digits and _, as TFDS "
                         "names its sets")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ValueError(f"got version={version!r}; expected three numbers as 1.0.0")
    for class_name in class_names:
        # TFDS strips the lines of the text file that it keeps the names in.
        if class_name.strip() != class_name:
            raise ValueError(f"got the class name {class_name!r}; expected one that neither "
                             "starts nor ends with a blank: rename that folder")


def _planned(
    inputs: Inputs, name: str, version: str, seed: int, shard_mb: float, check_images: bool
) -> tuple[dict[str, np.ndarray], dict]:
    """Returns the rows of each split in the order of shards, and what `preparation.json` says."""
    rows = {
        split: _in_shards(examples.rows, f"{seed} {split}", shard_mb)
        for split, examples in inputs.splits.items()
    }
    splits = {
        split: {"place": os.path.abspath(examples.place), "digest": digest(rows[split]),
                "num_shards": int(rows[split]["shard"][-1]) + 1}
        for split, examples in inputs.splits.items()
    }
    return rows, {
        "name": name, "version": version, "seed": seed, "shard_mb": shard_mb,
        "check_images": check_images, "class_names": list(inputs.class_names), "splits": splits,
    }


def _in_shards(rows: np.ndarray, key: str, shard_mb: float) -> np.ndarray:
    """Adds the column `shard` and sorts by it, and by a hash within."""
    wanted = math.ceil(int(rows["size"].sum()) / (shard_mb * 2**20))
    num_shards = max(1, min(wanted, len(rows) // _LEAST_A_SHARD))
    secret = hashlib.sha256(key.encode()).digest()
    hashes = np.array(
        [int.from_bytes(hashlib.blake2b(name, digest_size=8, key=secret).digest(), "little")
         for name in rows["name"].tolist()], np.uint64,
    )
    shards = (hashes % np.uint64(num_shards)).astype(np.int32)
    order = np.lexsort((rows["name"], hashes, shards))
    sharded = np.empty(len(rows), [("shard", np.int32), *rows.dtype.descr])
    sharded["shard"] = shards
    for field in rows.dtype.names:
        sharded[field] = rows[field]
    return sharded[order]


def _write_shards(partial: str, preparation: dict, run: Run) -> None:
    name, splits = preparation["name"], preparation["splits"]
    jobs = [
        Job(partial, split, shard)
        for split, about in splits.items() for shard in range(about["num_shards"])
    ]

    def unfinished() -> list[Job]:
        return [job for job in jobs if not is_done(job, splits[job.split]["num_shards"], name)]

    missing = unfinished()
    needed = sum(int(rows_of(job)["size"].sum()) for job in missing)
    free = shutil.disk_usage(partial).free
    if needed > free:
        raise ValueError(f"{partial} needs {needed / 1e9:.1f} GB more, its disk has "
                         f"{free / 1e9:.1f} GB free")
    if missing:
        run(missing)
    missing = unfinished()
    faults = []
    for job in missing:
        if os.path.isfile(job.note("faults")):
            with open(job.note("faults"), encoding="utf-8", errors="surrogateescape") as file:
                faults += file.read().splitlines()
    if faults:
        raise ValueError(f"{len(faults)} images cannot be used: {'; '.join(sorted(faults)[:5])}"
                         f"{'; ...' if len(faults) > 5 else ''}. Replace them and run again (all "
                         f"are named in {partial}/{WORK}/*.faults)")
    if missing:
        raise ValueError(f"{len(missing)} of {len(jobs)} shards are not in {partial}; expected a "
                         "folder that all machines share")


def _write_metadata(partial: str, preparation: dict) -> dict[str, int]:
    """Writes TFDS's metadata and returns the records that each split has on the disk."""
    infos, counts = [], {}
    for split, about in preparation["splits"].items():
        paths = [
            Job(partial, split, shard).path(about["num_shards"], preparation["name"])
            for shard in range(about["num_shards"])
        ]
        records = open_files(paths, parse=None)
        lengths = np.bincount(records.file_of, minlength=len(paths))
        infos.append(tfds.core.SplitInfo(
            name=split, shard_lengths=lengths.tolist(), num_bytes=int(records.lengths.sum())
        ))
        counts[split] = records.num_examples
    tfds.folder_dataset.write_metadata(
        data_dir=partial,
        features=set_features(preparation["class_names"]),
        split_infos=infos,
        version=preparation["version"],
        supervised_keys=("image", "label"),
        description="Image files as they were found; prepared by tools/prepare_data.py.",
        check_data=False,
    )
    return counts
