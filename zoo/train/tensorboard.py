"""What TensorBoard shows of a run: scalars, pictures, the step's graph, a profile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

# tf.summary imports it at the first scalar, which would count as a second or two of training.
import tensorboard.summary.v2  # noqa: F401
import tensorflow as tf

# Images of an augmented batch that are shown.
MOST_IMAGES = 16


class TensorBoard:
    """Writes into `folder`. profile_steps: (first, last) to be profiled, or ()."""

    def __init__(self, folder: Path, profile_steps: tuple[float, ...] = ()):
        self._folder = str(folder)
        self._writer = tf.summary.create_file_writer(self._folder)
        self._first, self._last = map(int, profile_steps or (-1, -1))
        self._profiles = False

    def scalars(self, step: int, values: dict[str, float]) -> None:
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def images(self, step: int, name: str, images: tf.Tensor) -> None:
        """images: [B, H, W, C] in 0..255; the first MOST_IMAGES of them are written."""
        with self._writer.as_default(step):
            levels = tf.clip_by_value(tf.round(tf.cast(images, tf.float32)), 0, 255)
            tf.summary.image(name, tf.cast(levels, tf.uint8), max_outputs=MOST_IMAGES)

    def picture(self, step: int, name: str, path: Path) -> None:
        """A PNG file."""
        with self._writer.as_default(step):
            tf.summary.image(name, tf.io.decode_png(tf.io.read_file(str(path)), 3)[None])

    def graph(self, function: Callable, *arguments) -> None:
        """That of a tf.function for these arguments, with which it has been called."""
        with self._writer.as_default(0):
            tf.summary.graph(function.get_concrete_function(*arguments).graph)

    def steps_to_profile(self, step: int) -> int | None:
        """How many steps from `step` on belong together: those up to a start or end of the
        profile; None for any number."""
        ends = [end for end in (self._first, self._last) if end > step]
        return min(ends) - step if ends else None

    def profile(self, step: int) -> None:
        """Starts or ends the profile, where `step` says so."""
        if self._first <= step < self._last and not self._profiles:
            tf.profiler.experimental.start(self._folder)
            self._profiles = True
        elif self._profiles and step >= self._last:
            tf.profiler.experimental.stop()
            self._profiles = False

    def close(self) -> None:
        if self._profiles:
            tf.profiler.experimental.stop()
        self._writer.close()
