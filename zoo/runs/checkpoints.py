"""Training checkpoints: the only file that knows how they are named and what their keys are.

    RUN/checkpoints/ckpt-STEP   the newest ones: every so many steps, and at each evaluation
    RUN/best/ckpt-STEP          that of the best evaluation

Which ones there are is read off the files' names, which are good off their content: TensorFlow
keeps a checksum of each tensor. `checkpoint`, its own list of them, is for other programs alone.

TensorFlow writes the variable fields["weights"]["stem_conv1/kernel"] under the key
"weights/stem_conv1.Skernel/.ATTRIBUTES/VARIABLE_VALUE".
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from zoo.files import folder_aside, os_errors, put, write_text
from zoo.given_path import is_pattern
from zoo.lazy import lazy_module
from zoo.printable import visible

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_NEWEST, _BEST = "checkpoints", "best"
_FILE = re.compile(r"ckpt-(\d+)\.(index|data-\d+-of-\d+)")
_KEY = re.compile(r"(weights|statistics|averages)/(.+)/\.ATTRIBUTES/VARIABLE_VALUE")
# How TensorFlow writes the two signs that have a meaning in a key.
_ESCAPED = {".S": "/", "..": "."}


class Checkpoints:
    """Saves and restores `fields`, the state of a run, in the run's folder.

    fields: name -> variable, or name -> path -> variable; "weights", "statistics" and "averages"
        are what `read_values` finds again.
    keep: how many of the newest checkpoints stay.
    """

    def __init__(self, run_dir: Path, fields: Mapping[str, object], *, keep: int):
        self._checkpoint, self._fields = tf.train.Checkpoint(**fields), fields
        self._run_dir, self._keep = run_dir, keep

    @property
    def num_bytes(self) -> int:
        """Of one checkpoint."""
        return sum(v.shape.num_elements() * v.dtype.size for v in tf.nest.flatten(self._fields))

    def save(self, step: int) -> None:
        """Raises OSError where it cannot be written; the others then stay as they are."""
        self._save(self._run_dir / _NEWEST, step, self._keep)

    def save_best(self, step: int) -> None:
        self._save(self._run_dir / _BEST, step, 1)

    def restore(self, checkpoint: Path) -> None:
        """checkpoint: one that `newest` or `at_step` has found."""
        with _plain(checkpoint.parent) as folder:
            status = self._checkpoint.read(f"{folder}/{checkpoint.name}")
            # Not assert_consumed: earlier versions wrote a counter of TensorFlow's, too.
            status.assert_existing_objects_matched()

    def _save(self, folder: Path, step: int, keep: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with folder_aside(folder) as aside:
            with os_errors(folder / f"ckpt-{step}"), _plain(aside) as place:
                self._checkpoint.write(f"{place}/ckpt-{step}")
            # The index last: a checkpoint whose index is there is whole.
            for path in sorted(aside.iterdir()):
                put(path, folder / path.name)
        # Later steps are those of damaged files, before which the run has gone on.
        kept = [number for number in _steps(folder) if number <= step][-keep:]
        lines = [f'all_model_checkpoint_paths: "ckpt-{number}"\n' for number in kept]
        write_text(folder / "checkpoint", "".join(
            [f'model_checkpoint_path: "ckpt-{step}"\n', *lines]
        ))
        for path in folder.iterdir():
            match = _FILE.fullmatch(path.name)
            if match and int(match[1]) not in kept:
                path.unlink()


def newest(run_dir: str | Path, *, best: bool = False) -> Path | None:
    """The newest checkpoint of a run that can be read, or that of its best evaluation; None where
    there is none yet. Says on standard error which newer ones are damaged.

    Raises:
      ValueError: there are some, and none can be read; in one line.
    """
    # That of the best evaluation is as whole as any.
    folders = [Path(run_dir) / name for name in ((_BEST,) if best else (_NEWEST, _BEST))]
    found = [(step, folder / f"ckpt-{step}") for folder in folders for step in _steps(folder)]
    for _, checkpoint in sorted(found, key=lambda pair: pair[0], reverse=True):
        if _is_good(checkpoint):
            return checkpoint
    left = [path for folder in folders if folder.is_dir() for path in folder.iterdir()
            if path.is_file() and not path.name.startswith(".")]
    if left:
        raise ValueError(
            f"{run_dir} has no checkpoint that can be read, got {len(left)} files as {left[0]}; "
            "expected one: put it back from a copy, or begin a new run in another folder"
        )
    return None


def at_step(run_dir: str | Path, step: int) -> Path | None:
    """The checkpoint after `step` steps, where it is still kept and can be read."""
    for name in (_NEWEST, _BEST):
        folder = Path(run_dir) / name
        if step in _steps(folder) and _is_good(folder / f"ckpt-{step}"):
            return folder / f"ckpt-{step}"
    return None


def read_values(checkpoint: str | Path, *, averages: bool = False) -> dict[str, np.ndarray]:
    """Variable path -> value of a model: the weights and the moving statistics of its batch
    normalisations, or the averages of both.

    Raises:
      ValueError: it is damaged, or holds none, as one of another program.
    """
    wanted = ("averages",) if averages else ("weights", "statistics")
    found = _values(checkpoint, wanted)
    if not any(found.values()):
        raise ValueError(
            f"{checkpoint} holds no {' and '.join(wanted)}; expected a checkpoint of a run of this "
            "zoo"
        )
    return {path: value for values in found.values() for path, value in values.items()}


def left_values(checkpoint: str | Path, *, averaging: str) -> dict[str, np.ndarray]:
    """As `read_values`, of what the run leaves: the averages, where it keeps some.

    averaging: what the run's recipe says. Where it names an average there have to be some; an
    optimizer may keep one, too, where it does not.

    Raises:
      ValueError: as `read_values`.
    """
    averages = _values(checkpoint, ("averages",))["averages"]
    return averages or read_values(checkpoint, averages=bool(averaging))


def _values(checkpoint: str | Path, wanted: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """By field of the state, those `wanted`: variable path -> value."""
    values = {field: {} for field in wanted}
    for key, value in _tensors(Path(checkpoint)):
        match = _KEY.fullmatch(key)
        if match and match[1] in wanted:
            path = re.sub(r"\.S|\.\.", lambda sign: _ESCAPED[sign[0]], match[2])
            values[match[1]][path] = value
    return values


def _steps(folder: Path) -> list[int]:
    """Of what is there of checkpoints, whole or not, in ascending order."""
    if not folder.is_dir():
        return []
    matches = (_FILE.fullmatch(path.name) for path in folder.iterdir())
    return sorted({int(match[1]) for match in matches if match})


def _is_good(checkpoint: Path) -> bool:
    try:
        for _ in _tensors(checkpoint):
            pass
    except ValueError as error:
        print(f"left out: {visible(error)}", file=sys.stderr, flush=True)
        return False
    return True


def _tensors(checkpoint: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Key and value, one after the other; ValueError at the first that cannot be read."""
    try:
        with _plain(checkpoint.parent) as folder:
            reader = tf.train.load_checkpoint(f"{folder}/{checkpoint.name}")
            for key in reader.get_variable_to_shape_map():
                yield key, reader.get_tensor(key)
    except (tf.errors.OpError, IndexError) as error:  # IndexError: a file that was cut short
        raise ValueError(f"{checkpoint} is damaged: {' '.join(str(error).split())}") from error


@contextlib.contextmanager
def _plain(folder: Path) -> Iterator[str]:
    """A name of `folder` that TensorFlow takes as it is: it takes some signs for patterns when it
    reads, and only UTF-8."""
    name = os.fspath(folder.absolute())
    if name.isprintable() and not is_pattern(name):
        yield name
        return
    with tempfile.TemporaryDirectory() as place:
        os.symlink(name, f"{place}/link", target_is_directory=True)
        yield f"{place}/link"
