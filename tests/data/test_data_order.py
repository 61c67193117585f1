"""Which examples a batch holds: a row of the epoch's permutation, wherever the stream begins."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from zoo.data.order import batch_order, key_of, steps_per_epoch


def rows_of(count: int, num_examples: int, batch_size: int, *, seed=7, start=0, repeats=1):
    """order and epochs, int64 [count, batch_size], from step `start` on."""
    stream = batch_order(num_examples, batch_size, seed, start, repeats)
    order, epochs = next(stream.batch(count).as_numpy_iterator())
    assert order.dtype == epochs.dtype == np.int64
    return order, epochs


def permutation(num_examples: int, seed: int, epoch: int) -> np.ndarray:
    key = [key_of(seed, "order"), epoch]
    return tf.random.experimental.stateless_shuffle(tf.range(num_examples), seed=key).numpy()


def test_a_batch_is_a_row_of_the_permutation_of_seed_and_epoch():
    order, epochs = rows_of(9, num_examples=13, batch_size=4)
    for epoch in range(3):
        steps = slice(3 * epoch, 3 * epoch + 3)
        want = permutation(13, 7, epoch)[:12].reshape(3, 4)  # the last one is not shown
        np.testing.assert_array_equal(order[steps], want)
        assert (epochs[steps] == epoch).all()


@pytest.mark.parametrize("repeats", [2, 3, 4, 50])
def test_an_epoch_of_repeated_augmentation(repeats):
    """As long as another; the first of the permutation, so many times each, as views of its own."""
    order, views = rows_of(9, num_examples=13, batch_size=4, repeats=repeats)
    for epoch in range(3):
        steps = slice(3 * epoch, 3 * epoch + 3)
        want = permutation(13, 7, epoch).repeat(repeats)[:12]
        np.testing.assert_array_equal(order[steps].ravel(), want)
        np.testing.assert_array_equal(
            views[steps].ravel(), epoch * repeats + np.arange(12) % repeats
        )
    for start in (1, 4, 8):
        rest, rest_views = rows_of(9 - start, 13, 4, start=start, repeats=repeats)
        np.testing.assert_array_equal(rest, order[start:])
        np.testing.assert_array_equal(rest_views, views[start:])


# 2,500 steps an epoch are three pieces of the stream, the last of 500; 2,000 are two whole ones.
@pytest.mark.parametrize("steps", [2000, 2500])
def test_an_epoch_in_pieces_shows_every_example_once(steps):
    order, epochs = rows_of(2 * steps, num_examples=2 * steps, batch_size=2)
    for epoch in (0, 1):
        shown = order[epochs == epoch]
        assert sorted(shown) == list(range(2 * steps))
        np.testing.assert_array_equal(shown, permutation(2 * steps, 7, epoch))
    assert (np.diff(epochs[:, 0]) >= 0).all()


@pytest.mark.parametrize("start", [1, 999, 1000, 1001, 2000, 2499, 2500, 3600, 10**9])
def test_a_stream_that_starts_later_is_the_rest_of_the_whole_one(start):
    first_epoch, step = divmod(start, 2500)
    order, epochs = rows_of(1200, num_examples=2500, batch_size=1, start=start)
    whole = np.concatenate([permutation(2500, 7, first_epoch + more) for more in (0, 1)])
    np.testing.assert_array_equal(order[:, 0], whole[step : step + 1200])
    want = first_epoch + np.arange(step, step + 1200) // 2500
    np.testing.assert_array_equal(epochs[:, 0], want)


@pytest.mark.parametrize("num_examples, batch_size, steps", [(1, 1, 1), (7, 1, 7), (7, 7, 1),
                                                             (7, 3, 2), (8, 4, 2)])
def test_steps_per_epoch_are_full_batches(num_examples, batch_size, steps):
    assert steps_per_epoch(num_examples, batch_size) == steps


@pytest.mark.parametrize("batch_size", [-1, 0, 8])
def test_a_batch_that_the_examples_do_not_fill(batch_size):
    with pytest.raises(ValueError, match=rf"got {batch_size}; expected 1\.\.7, the number of"):
        steps_per_epoch(7, batch_size)


def test_keys_of_uses_and_seeds_differ_and_stay_as_they_are():
    """Another key would give a resumed run another order."""
    assert key_of(0, "order") == 167254480742700627
    keys = {key_of(seed, use) for seed in range(-50, 50) for use in ("order", "crop")}
    assert len(keys) == 200
    assert all(0 <= key < 2**62 for key in keys)
    assert max(keys) > 2**61  # all the bits are in use
