"""Images that cannot be read: which, and why.

TensorFlow's decoders say that something is wrong, not in which file, and stop at the first. So
when one fails, all images are tried, and each bad one is named with its reason.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence

from zoo.data.autotuning import without_autotuning
from zoo.data.decode import decoder
from zoo.data.image_format import READ, START, format_of
from zoo.data.splits import Source, Split
from zoo.data.without_autograph import without_autograph
from zoo.lazy import lazy_module
from zoo.progress import with_progress

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

CHOICES = ("fail", "skip")  # of `open_source`'s on_bad_image
_NAMED = 5  # in an error
_UNPARSED = "no tf.train.Example with an image and a label"


class BadImagesError(ValueError):
    """Images that cannot be read; the message is one line with their names and reasons."""


@dataclasses.dataclass(frozen=True)
class BadImage:
    """row: its index in its split; name: of the file or record; reason: why it cannot be read."""

    row: int
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def find_bad_images(split: Split, what: str = "checking images") -> list[BadImage]:
    """Decodes every image of a split with all cores.

    Args:
      what: is done, for the progress line.

    Raises:
      ValueError: something else than an image is wrong, such as a label out of range.
    """
    if not split.encoded:
        return []

    @without_autograph
    def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return index, tf.shape(decoder(3, split.orientation)(split.example(index)[0]))

    count = split.num_examples
    tried = tf.data.Dataset.range(count).map(load, num_parallel_calls=tf.data.AUTOTUNE)
    tried = without_autotuning(tried.ignore_errors())
    good = np.zeros(count, bool)
    for index, _ in with_progress(tried.as_numpy_iterator(), count, what):
        good[index] = True
    return [_explained(split, int(row)) for row in np.flatnonzero(~good)]


def without_bad_images(source: Source) -> Source:
    """Leaves out the training images that cannot be read, which become `skipped`.

    Raises:
      ValueError: none of them can be read.
    """
    train = source.splits["train"]
    bad = find_bad_images(train)
    if not bad:
        return source
    if len(bad) == train.num_examples:
        raise BadImagesError(describe(bad, "train"))
    kept = np.delete(np.arange(train.num_examples), [image.row for image in bad])
    splits = {**source.splits, "train": train.subset(kept)}
    return dataclasses.replace(source, splits=splits, skipped=tuple(bad))


@contextlib.contextmanager
def named_errors(splits: Mapping[str, Split]) -> Iterator[None]:
    """Turns TensorFlow's error about an image of `splits` into a BadImagesError.

    splits: by name, as "train". Errors about anything else pass.
    """
    # What readers and decoders raise, the last where TensorFlow's message quotes an image's bytes.
    # Not OpError: nobody wants all images tried after an accelerator is out of memory.
    raised = (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, tf.errors.DataLossError,
              tf.errors.PermissionDeniedError, UnicodeDecodeError)
    try:
        yield
    except raised as error:
        for name, split in splits.items():
            bad = find_bad_images(split, f"an image cannot be read; checking {name}")
            if bad:
                raise BadImagesError(
                    f"{describe(bad, name)}. Fetch them again or remove them"
                ) from error
        raise


def describe(bad: Sequence[BadImage], split: str) -> str:
    """One line: how many, the first few with their reasons."""
    more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    images = "1 image" if len(bad) == 1 else f"{len(bad)} images"
    return f"{images} of {split} cannot be read: {'; '.join(map(str, bad[:_NAMED]))}{more}"


def why_unreadable(encoded: bytes) -> str:
    """The reason in a few words, for the bytes of a file that `decode_image` fails on."""
    if not encoded:
        return "empty file"
    kind = format_of(encoded[:START])
    if not kind:
        return f"no image ({', '.join(READ)}), it begins with {encoded[:16]!r}"
    if kind not in READ:
        return f"{kind}, a format that is not read: store it as PNG or JPEG"
    import PIL.Image

    # Pillow says more about what is wrong than TensorFlow.
    try:
        with PIL.Image.open(io.BytesIO(encoded)) as image:
            image.load()
    except PIL.Image.DecompressionBombError as error:
        return f"too large to be decoded ({error})"
    except (OSError, SyntaxError) as error:
        return f"truncated or damaged ({error})"
    return f"{kind} of a kind that Pillow reads and TensorFlow does not: store it as PNG or JPEG"


def read_image(encoded: bytes, channels: int, orientation: str = "exif") -> np.ndarray:
    """`decode_image` of the bytes of one file: uint8 [H,W,channels].

    Raises:
      ValueError: they cannot be decoded; the message is the reason alone.
    """
    try:
        return decoder(channels, orientation)(encoded).numpy()
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):  # an error may quote the bytes
        raise ValueError(why_unreadable(encoded)) from None


def _explained(split: Split, row: int) -> BadImage:
    index = tf.constant(row, tf.int64)
    name = os.fsdecode(split.name(index).numpy())
    try:
        # In a graph its own errors have one form.
        encoded = tf.function(split.example, autograph=False)(index)[0]
    except tf.errors.DataLossError:
        return BadImage(row, name, "damaged record, its checksum differs")
    except (tf.errors.NotFoundError, tf.errors.PermissionDeniedError) as error:
        return BadImage(row, name, f"cannot be opened ({type(error).__name__})")
    except UnicodeDecodeError:  # the parser's error quotes the record
        return BadImage(row, name, _UNPARSED)
    except tf.errors.InvalidArgumentError as error:
        wrong = re.search(r"assertion failed: \[(.*?)\](\s*\[|$)", str(error), re.DOTALL)
        if wrong is not None:
            raise ValueError(f"{name}: {' '.join(wrong[1].split())}") from error
        if "parse" not in str(error):
            raise
        return BadImage(row, name, _UNPARSED)
    return BadImage(row, name, why_unreadable(encoded.numpy()))
