"""Order, resuming and exactness of the batches, for every source."""

from __future__ import annotations

import time

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data import ArraySplit, eval_batches, open_source, steps_per_epoch, train_batches
from zoo.data.pipeline import batches_ahead
from zoo.data.resize import resize


def numpy_batches(dataset, count):
    return [tuple(part.numpy() for part in element) for element in dataset.take(count)]


def numbered(count: int, size: int = 1) -> ArraySplit:
    """Example i has label i."""
    images = np.arange(1, count + 1, dtype=np.int64) % 251
    images = np.broadcast_to(images[:, None, None, None], (count, size, size, 1))
    return ArraySplit(images.astype(np.uint8), np.arange(count, dtype=np.int32))


def shown_labels(split, seed, epoch, batch_size=1, **options):
    options = {"crop_area": None, "image_size": 1, "channels": 1} | options
    steps = steps_per_epoch(split.num_examples, batch_size)
    batches = train_batches(split, batch_size=batch_size, seed=seed, start_step=epoch * steps,
                            **options)
    return np.concatenate([labels.numpy() for _, labels in batches.take(steps)])


@pytest.mark.parametrize("crop_area", [None, (0.3, 1.0)])
def test_a_resumed_run_gets_the_same_batches(source, crop_area):
    split = source.splits["train"]
    batch_size = split.num_examples * 2 // 7  # three batches an epoch, with a remainder
    options = {"image_size": 24, "channels": 3, "batch_size": batch_size, "seed": 5,
               "crop_area": crop_area}
    assert steps_per_epoch(split.num_examples, batch_size) == 3
    count = 6 if split.num_examples < 1000 or crop_area is None else 4
    unbroken = numpy_batches(train_batches(split, **options), count)
    for start in (2, 3):  # before a border of epochs, and at it
        resumed = numpy_batches(train_batches(split, start_step=start, **options), count - start)
        for (images, labels), (want_images, want_labels) in zip(
            resumed, unbroken[start:], strict=True
        ):
            np.testing.assert_array_equal(labels, want_labels)
            np.testing.assert_array_equal(images, want_images)


def test_resuming_far_into_a_run_reads_nothing_before_it(opened):
    split = opened["folder-uncached"].splits["train"]
    start = time.monotonic()
    batches = train_batches(split, image_size=8, channels=3, batch_size=16, seed=0,
                            start_step=10**12)
    assert next(iter(batches))[0].shape == (16, 8, 8, 3)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("kind", ["mnist5k", "folder", "tfds-uncached"])
def test_train_batches_have_their_static_shape_and_type(opened, kind):
    for channels in (1, 3):
        batches = train_batches(opened[kind].splits["train"], image_size=16, channels=channels,
                                batch_size=8, seed=0)
        images, labels = batches.element_spec
        assert (images.shape, images.dtype) == ((8, 16, 16, channels), tf.uint8)
        assert (labels.shape, labels.dtype) == ((8,), tf.int32)
        assert int(batches.cardinality()) == tf.data.INFINITE_CARDINALITY


def test_an_epoch_shows_every_example_once():
    split = numbered(60)
    assert sorted(shown_labels(split, seed=1, epoch=0)) == list(range(60))
    assert sorted(shown_labels(split, seed=1, epoch=3)) == list(range(60))
    # By way of the path that loads example by example, too.
    assert sorted(shown_labels(split, seed=1, epoch=3, crop_area=(0.5, 1))) == list(range(60))


def test_what_an_epoch_drops_differs_from_epoch_to_epoch():
    split = numbered(10)
    dropped = {tuple(sorted(set(range(10)) - set(shown_labels(split, 0, e, batch_size=8))))
               for e in range(12)}
    assert len(dropped) > 5


def test_order_depends_on_seed_and_epoch_alone():
    split = numbered(50)
    orders = [tuple(shown_labels(split, seed, epoch)) for seed in (0, 1, -1, 2**40)
              for epoch in (0, 1, 2)]
    assert len(set(orders)) == len(orders)
    assert tuple(shown_labels(split, 1, 2, batch_size=5)) == tuple(shown_labels(split, 1, 2))


def test_order_is_a_fair_shuffle():
    split = numbered(8)
    steps, runs = 8, 600
    batches = train_batches(split, image_size=1, channels=1, batch_size=8, seed=3, crop_area=None)
    counts = np.zeros((8, 8))
    for _, labels in batches.take(runs):
        counts[np.arange(8), labels.numpy()] += 1
    expected = runs / steps
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 49 + 5 * np.sqrt(2 * 49)  # 49 degrees of freedom, five deviations


def test_crops_differ_between_seeds_epochs_and_examples(digits):
    same = np.repeat(digits[0][:1], 4, axis=0)
    split = ArraySplit(same, np.arange(4, dtype=np.int32))
    crops = []
    for seed in (0, 1):
        batches = train_batches(split, image_size=20, channels=1, batch_size=4, seed=seed)
        crops += [image.tobytes() for images, _ in batches.take(2) for image in images.numpy()]
    assert len(set(crops)) == 16


def test_evaluation_shows_each_example_once_in_order(source):
    split = source.splits["validation"]
    batch_size = split.num_examples // 3 + 1 if split.num_examples < 500 else 333
    batches = eval_batches(split, image_size=20, channels=source.channels, batch_size=batch_size,
                           eval_resize=24)
    assert batches.element_spec[0].shape == (batch_size, 20, 20, source.channels)
    assert int(batches.cardinality()) == -(-split.num_examples // batch_size)
    got = numpy_batches(batches, -1)
    images, labels, mask = (np.concatenate(parts) for parts in zip(*got, strict=True))
    assert mask.tolist() == [True] * split.num_examples + [False] * (len(mask)
                                                                    - split.num_examples)
    assert not images[~mask].any() and not labels[~mask].any()
    want = [int(split.example(tf.constant(i, tf.int64))[1]) for i in range(split.num_examples)]
    assert labels[mask].tolist() == want
    assert images[mask].any(axis=(1, 2, 3)).all()


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 40), batch_size=st.integers(1, 50), resized=st.booleans())
def test_evaluation_is_exact_for_any_count_and_batch(count, batch_size, resized):
    size = 2 if resized else 1
    batches = eval_batches(numbered(count), image_size=size, channels=1, batch_size=batch_size,
                           eval_resize=size)
    seen = []
    for images, labels, mask in batches.as_numpy_iterator():
        assert images.shape == (batch_size, size, size, 1)
        seen += labels[mask].tolist()
        assert (images[mask][:, 0, 0, 0] == (labels[mask] + 1) % 251).all()
        assert not images[~mask].any()
    assert seen == list(range(count))


def test_cached_and_uncached_sets_give_the_same_batches(opened):
    for kind in ("folder", "tfrecord", "tfds"):
        for split in ("train", "validation"):
            cached = opened[kind].splits[split]
            uncached = opened[f"{kind}-uncached"].splits[split]
            assert uncached.encoded and not cached.encoded
            options = {"image_size": 24, "channels": 3, "batch_size": 10}
            a = numpy_batches(eval_batches(cached, eval_resize=28, **options), -1)
            b = numpy_batches(eval_batches(uncached, eval_resize=28, **options), -1)
            for left, right in zip(a, b, strict=True):
                for x, y in zip(left, right, strict=True):
                    np.testing.assert_array_equal(x, y)


def test_images_of_the_size_asked_for_are_left_alone(digits, opened):
    split = opened["mnist5k"].splits["train"]
    images, labels = next(iter(train_batches(split, image_size=28, channels=3, batch_size=64,
                                             seed=0, crop_area=(1, 1))))
    known = {image.tobytes(): label for image, label in zip(*digits, strict=True)}
    for image, label in zip(images.numpy(), labels.numpy(), strict=True):
        assert (image == image[..., :1]).all()
        assert known[image[..., 0].tobytes()] == label


def test_digits_are_resized_once_not_in_every_batch(opened):
    split = opened["mnist5k"].splits["train"].subset(np.arange(0, 4000, 50))
    options = {"image_size": 32, "channels": 1, "batch_size": 80}
    images, labels = next(iter(
        train_batches(split, seed=0, crop_area=None, resizing="bilinear", **options)
    ))
    want = resize(tf.constant(split.images), 32, "bilinear").numpy()
    order = np.lexsort(images.numpy().reshape(80, -1).T)
    want_order = np.lexsort(want.reshape(80, -1).T)
    np.testing.assert_array_equal(images.numpy()[order], want[want_order])
    np.testing.assert_array_equal(labels.numpy()[order], split.labels[want_order])


def test_a_distribution_strategy_takes_the_batches(opened):
    devices = tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy([d.name for d in devices[:1]])
    split = opened["folder-uncached"].splits
    batches = train_batches(split["train"], image_size=8, channels=3, batch_size=16, seed=0)
    policy = batches.options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.OFF  # else a worker would see a part
    images, _ = next(iter(strategy.experimental_distribute_dataset(batches)))
    assert strategy.experimental_local_results(images)[0].shape == (16, 8, 8, 3)
    batches = eval_batches(split["validation"], image_size=8, channels=3, batch_size=16,
                           eval_resize=8)
    masks = [strategy.experimental_local_results(mask)[0].numpy().sum()
             for _, _, mask in strategy.experimental_distribute_dataset(batches)]
    assert masks == [16, 14]


def test_an_iterator_that_has_failed_is_destroyed_at_once(opened):
    """The thread of tf.data's autotuning holds it for as long as it has lived."""
    split = opened["folder"].splits["train"]
    for batches in (
        train_batches(split, image_size=8, channels=3, batch_size=2, seed=0),
        eval_batches(split, image_size=8, channels=3, batch_size=2, eval_resize=8),
    ):
        assert batches.options().autotune.enabled is False


def test_batches_wait_to_be_taken_within_bounded_memory():
    def ahead(batch_size, size):
        batches = [tf.TensorSpec([batch_size, size, size, 3], tf.uint8),
                   tf.TensorSpec([batch_size], tf.int32)]
        return batches_ahead(batches)

    assert [ahead(1, 1), ahead(32, 28), ahead(256, 224), ahead(1024, 320)] == [64, 64, 6, 2]


def test_a_private_thread_pool_gives_the_same_batches(opened):
    split = opened["tfrecord-uncached"].splits["train"]
    options = {"image_size": 8, "channels": 3, "batch_size": 16, "seed": 0}
    batches = train_batches(split, host_threads=3, **options)
    assert batches.options().threading.private_threadpool_size == 3
    for a, b in zip(numpy_batches(batches, 3), numpy_batches(train_batches(split, **options), 3),
                    strict=True):
        np.testing.assert_array_equal(a[0], b[0])


@pytest.mark.parametrize(("options", "message"), [
    ({"batch_size": 71}, "batch_size out of range, got 71; expected 1..70"),
    ({"batch_size": 0}, "batch_size out of range, got 0"),
    ({"image_size": 0}, "image_size out of range, got 0"),
    ({"channels": 4}, "channels out of range, got 4; expected 1 or 3"),
    ({"start_step": -1}, "start_step out of range, got -1"),
    ({"host_threads": -2}, "host_threads out of range, got -2"),
    ({"crop_area": (0, 1)}, "crop_area out of range, got (0, 1)"),
    ({"crop_area": (0.5, 1.5)}, "crop_area out of range"),
    ({"crop_ratio": (2, 1)}, "crop_ratio out of range, got (2, 1)"),
    ({"host_ops": "numpy"}, "unknown host_ops, got 'numpy'; expected one of ['auto', 'native',"),
])
def test_wrong_arguments_end_in_one_line(options, message):
    options = {"image_size": 8, "channels": 1, "batch_size": 16, "seed": 0} | options
    with pytest.raises(ValueError) as caught:
        train_batches(numbered(70), **options)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_resize_below_the_crop_is_an_error():
    with pytest.raises(ValueError, match="eval_resize out of range, got 7; expected at least"):
        eval_batches(numbered(5), image_size=8, channels=1, batch_size=2, eval_resize=7)


def test_a_batch_of_digits_costs_little_more_than_an_empty_element():
    """Against TensorFlow's own cost of an element, so that a slow machine does not fail it."""
    split = open_source("mnist5k").splits["train"]
    batches = train_batches(split, image_size=28, channels=1, batch_size=128, seed=0,
                            crop_area=None)

    def seconds(dataset, count=1500):
        consume = tf.function(lambda: dataset.take(count).reduce(0, lambda n, *_: n + 1))
        consume()
        best = np.inf
        for _ in range(3):
            start = time.monotonic()
            consume()
            best = min(best, time.monotonic() - start)
        return best / count

    empty = seconds(tf.data.Dataset.counter().map(lambda step: step + 1))
    assert seconds(batches) < 4 * empty + 100e-6
