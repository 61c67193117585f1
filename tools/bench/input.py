"""Times reading, decoding and random resized cropping to 224, side by side, on the same files.

    python -m tools.bench.input --peers_python=PEERS_ENVIRONMENT/bin/python
    python -m tools.bench.input --memory

The photographs are parts of scikit-learn's two, 512x512, JPEG at quality 90. Rounds take turns:
the zoo with each resizing, its windows decoded from files and not resized (what the zoo cannot be
faster than), tf.data as in Keras' guide, and with --peers_python (torch, torchvision, pillow,
simplejpeg) PyTorch's DataLoader with RandomResizedCrop and libjpeg-turbo alone, which decodes whole
images and crops nothing. --memory instead reads 100,000 images and prints the
resident memory on the way.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from absl import flags

from zoo.cli import import_tensorflow, run_tool
from zoo.data.resize import METHODS

_PEERS = flags.DEFINE_string("peers_python", "", "Python of an environment with the peers")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "of each", lower_bound=1)
_IMAGES = flags.DEFINE_integer("images", 1280, "a round", lower_bound=64)
_MEMORY = flags.DEFINE_boolean("memory", False, "print the resident memory instead")
_MOST = flags.DEFINE_integer("most", 100_000, "images read with --memory", lower_bound=100)

_SIZE, _BATCH, _RECORDS = 224, 64, 1280
_ROOT = Path(__file__).parents[2]


def main() -> None:
    import_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        write_photos(folder)
        if _MEMORY.value:
            show_memory(folder)
        else:
            show_speed(folder)


def write_photos(folder: str) -> None:
    """Twenty JPEG files, as records for tf.data and one by one for the others."""
    import numpy as np
    import tensorflow as tf
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    files = []
    for number in range(20):
        photo = load_sample_images().images[number % 2]
        side = int(rng.integers(300, 427))
        top, left = rng.integers(0, 427 - side), rng.integers(0, 640 - side)
        part = tf.image.resize(photo[top : top + side, left : left + side], [512, 512], "bicubic")
        levels = tf.cast(tf.clip_by_value(part, 0, 255), tf.uint8)
        files.append(tf.io.encode_jpeg(levels, quality=90).numpy())
    for split, count in (("train", _RECORDS), ("validation", 20)):
        with tf.io.TFRecordWriter(f"{folder}/{split}-00000-of-00001") as writer:
            for number in range(count):
                writer.write(_example(tf, files[number % 20], number % 2))
    for number in range(_RECORDS):
        path = Path(folder, "files", str(number % 2), f"{number:04d}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[number % 20])
    sizes = [len(content) // 1000 for content in files]
    print(f"20 photographs of 512x512, {min(sizes)}-{max(sizes)} kB, {os.cpu_count()} cores")


def show_speed(folder: str) -> None:
    """Prints the images a second of each, and their ratios."""
    rates: dict[str, list[float]] = {}
    with _peers(folder) as peers:
        sources = {f"zoo, {method}": _zoo(folder, method) for method in METHODS}
        sources["windows, not resized"] = _windows(folder)
        sources["tf.data"] = _plain_tf_data(folder)
        for _ in range(_ROUNDS.value):
            for name, dataset in sources.items():
                rates.setdefault(name, []).append(_rate(dataset, _IMAGES.value))
            for name in peers.names:
                rates.setdefault(name, []).append(peers.rate(name, _IMAGES.value))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{'':24} images/s (min-max), n={_ROUNDS.value}"
          + "".join(f"{f'/ {name}':>16}" for name in ("tf.data", *peers.names)))
    for name, values in rates.items():
        ratios = (medians[name] / medians[other] for other in ("tf.data", *peers.names))
        print(f"{name:24} {medians[name]:6.0f} ({min(values):.0f}-{max(values):.0f})".ljust(48)
              + "".join(f"{ratio:16.2f}" for ratio in ratios))


def show_memory(folder: str) -> None:
    """Prints the resident memory after 1, 10 and 100 % of the images."""
    batches = iter(_zoo(folder, "area"))
    read = 0
    for most in (_MOST.value // 100, _MOST.value // 10, _MOST.value):
        while read < most:
            next(batches)
            read += _BATCH
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        print(f"after {read:7} images: {resident >> 20} MiB resident", flush=True)


def _example(tf, encoded: bytes, label: int) -> bytes:
    return tf.train.Example(features=tf.train.Features(feature={
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    })).SerializeToString()


def _rate(dataset, images: int) -> float:
    # Anew each time: else it would go on filling its buffers while the others are timed.
    batches = iter(dataset)
    for _ in range(4):
        next(batches)
    start = time.perf_counter()
    for _ in range(images // _BATCH):
        next(batches)
    return images // _BATCH * _BATCH / (time.perf_counter() - start)


def _zoo(folder: str, method: str):
    from zoo.data import open_source, train_batches

    source = open_source(f"tfrecord:{folder}/{{split}}-*,classes=2", cache_mb=0)
    return train_batches(
        source.splits["train"], image_size=_SIZE, channels=3, batch_size=_BATCH, seed=0,
        resizing=method,
    )


def _windows(folder: str):
    """Files and random windows, decoded as the zoo does; nothing else is done with them."""
    import tensorflow as tf

    from zoo.data.crop import random_resized_window
    from zoo.data.native.window import jpeg_part

    paths = tf.constant(sorted(map(str, Path(folder, "files").glob("*/*.jpg"))))

    def load(number):
        encoded = tf.io.read_file(paths[number % len(paths)])
        window = random_resized_window(
            tf.io.extract_jpeg_shape(encoded)[:2], area=(0.08, 1), ratio=(3 / 4, 4 / 3),
            seed=tf.stack([0, number]),
        )
        part, _, _ = jpeg_part(window, 0)
        return tf.shape(tf.io.decode_and_crop_jpeg(
            encoded, part, channels=3, dct_method="INTEGER_ACCURATE"
        ))

    dataset = tf.data.Dataset.range(tf.int64.max)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(_BATCH)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _plain_tf_data(folder: str):
    """What guides show: TFRecordDataset, a sampled box, decode_and_crop, tf.image.resize."""
    import tensorflow as tf

    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }

    def load(serialized):
        parsed = tf.io.parse_single_example(serialized, features)
        encoded = parsed["image/encoded"]
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(encoded), tf.zeros([1, 0, 4]), min_object_covered=0,
            aspect_ratio_range=(3 / 4, 4 / 3), area_range=(0.08, 1),
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], 0)
        image = tf.io.decode_and_crop_jpeg(encoded, window, channels=3)
        resized = tf.image.resize(image, [_SIZE, _SIZE])
        return tf.cast(resized, tf.uint8), parsed["image/class/label"]

    dataset = tf.data.TFRecordDataset(f"{folder}/train-00000-of-00001").repeat().shuffle(1000)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(_BATCH)
    return dataset.prefetch(tf.data.AUTOTUNE)


class _peers:
    """The process of tools/bench/input_peers.py, or none."""

    def __init__(self, folder: str):
        self.names = ("dataloader", "libjpeg_turbo") if _PEERS.value else ()
        self._folder = folder
        self._process: subprocess.Popen | None = None

    def __enter__(self):
        if self.names:
            self._process = subprocess.Popen(
                [_PEERS.value, str(_ROOT / "tools" / "bench" / "input_peers.py"),
                 f"{self._folder}/files", str(os.cpu_count())],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for name in self.names:
                self.rate(name, 256)  # starts workers
        return self

    def rate(self, name: str, images: int) -> float:
        """Images a second."""
        self._process.stdin.write(f"{name} {images}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ValueError(f"--peers_python: {_PEERS.value} failed on {name}; see above")
        return float(answer)

    def __exit__(self, *_):
        if self._process:
            self._process.stdin.close()
            self._process.wait()


if __name__ == "__main__":
    run_tool(main, __doc__)
