"""Training checkpoints: the only file that knows how they are named and what their keys are.

    RUN/checkpoints/ckpt-STEP   the newest ones: every so many steps, and at each evaluation
    RUN/best/ckpt-STEP          with early stopping, that of the best evaluation

TensorFlow writes the variable fields["weights"]["stem_conv1/kernel"] under the key
"weights/stem_conv1.Skernel/.ATTRIBUTES/VARIABLE_VALUE".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_NEWEST, _BEST = "checkpoints", "best"
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
        self._checkpoint = tf.train.Checkpoint(**fields)
        self._newest = self._manager(run_dir / _NEWEST, keep)
        self._best = self._manager(run_dir / _BEST, 1)

    def save(self, step: int) -> None:
        self._newest.save(checkpoint_number=step)

    def save_best(self, step: int) -> None:
        self._best.save(checkpoint_number=step)

    def restore_newest(self) -> None:
        """Does nothing where there is no checkpoint yet."""
        self._restore(self._newest.latest_checkpoint)

    def restore_best(self) -> None:
        self._restore(self._best.latest_checkpoint)

    def _manager(self, folder: Path, keep: int) -> tf.train.CheckpointManager:
        return tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=keep)

    def _restore(self, path: str | None) -> None:
        if path:
            self._checkpoint.restore(path).assert_consumed()


def newest(run_dir: str | Path, *, best: bool = False) -> Path | None:
    """The newest checkpoint of a run, or that of its best evaluation; None where there is none."""
    found = tf.train.latest_checkpoint(str(Path(run_dir) / (_BEST if best else _NEWEST)))
    return Path(found) if found else None


def at_step(run_dir: str | Path, step: int) -> Path | None:
    """The checkpoint after `step` steps, where it is still kept."""
    path = Path(run_dir) / _NEWEST / f"ckpt-{step}"
    return path if path.with_name(f"{path.name}.index").exists() else None


def read_values(checkpoint: str | Path, *, averages: bool = False) -> dict[str, np.ndarray]:
    """Variable path -> value of a model: the weights and the moving statistics of its batch
    normalisations, or the averages of both.

    Raises:
      ValueError: it holds none, as one of another program.
    """
    reader = tf.train.load_checkpoint(str(checkpoint))
    wanted = ("averages",) if averages else ("weights", "statistics")
    values = {}
    for key in reader.get_variable_to_shape_map():
        match = _KEY.fullmatch(key)
        if match and match[1] in wanted:
            path = re.sub(r"\.S|\.\.", lambda sign: _ESCAPED[sign[0]], match[2])
            values[path] = reader.get_tensor(key)
    if not values:
        raise ValueError(
            f"{checkpoint} holds no {' and '.join(wanted)}; expected a checkpoint of a run of this "
            "zoo"
        )
    return values
