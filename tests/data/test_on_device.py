"""Batches picked on the devices are those that the host would send, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from zoo.core.runtime import make_strategy
from zoo.data import ArraySplit, index_batches, make_pick, train_batches
from zoo.data.on_device import check_on_device


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("channels, image_size", [(1, 28), (3, 20)])
def test_the_same_batches(opened, devices, channels, image_size):
    split = opened["mnist5k"].splits["train"]
    strategy = make_strategy([f"CPU:{i}" for i in range(devices)])
    pick = make_pick(split, strategy, image_size=image_size, channels=channels)
    order = {"batch_size": 700, "seed": 3, "start_step": 4}  # over the end of an epoch
    sent = train_batches(split, image_size=image_size, channels=channels, crop_area=None, **order)
    picked = strategy.experimental_distribute_dataset(index_batches(split, **order))
    run = tf.function(lambda index: strategy.run(pick, args=(index,)))
    for (images, labels), (index,) in zip(sent.take(3), picked, strict=False):
        parts = [strategy.experimental_local_results(part) for part in run(index)]
        assert len(parts[0]) == devices and parts[0][0].shape == (700 // devices, *images.shape[1:])
        np.testing.assert_array_equal(tf.concat(parts[0], 0), images)
        np.testing.assert_array_equal(tf.concat(parts[1], 0), labels)


def test_images_that_cannot_lie_there(opened):
    for name in ("folder", "tfrecord-uncached"):  # of many sizes, encoded
        with pytest.raises(ValueError, match="one size that fit into cache_mb when decoded; got"):
            check_on_device(opened[name].splits["train"], 28)
    check_on_device(opened["tfrecord"].splits["train"], 28)
    many = ArraySplit(np.broadcast_to(np.uint8(0), (60000, 28, 28, 1)), np.zeros(60000, np.int32))
    check_on_device(many, 128)
    with pytest.raises(ValueError, match="at most 1 GiB at 224 pixels; got 60000 of them"):
        check_on_device(many, 224)
