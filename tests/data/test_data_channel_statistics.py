"""The statistics are NumPy's over all pixels, of real digits and real photographs."""

from __future__ import annotations

import numpy as np
import pytest
from image_files import encode

from zoo.data import ArraySplit, FileSplit, open_source, resize_and_center_crop
from zoo.data.statistics import channel_statistics
from zoo.data.visit import some_rows


def check(found, pixels) -> None:
    """pixels: levels [N,C]."""
    channels = pixels.shape[1]
    assert found.num_pixels == len(pixels)
    np.testing.assert_allclose(found.mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.std, pixels.std(0), rtol=1e-12)
    covariance = np.cov(pixels.T / 255, ddof=0).reshape(channels, channels)
    vectors = found.eigenvectors
    np.testing.assert_allclose(
        vectors @ np.diag(found.eigenvalues) @ vectors.T, covariance, rtol=1e-9
    )
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(channels), atol=1e-12)
    assert (np.diff(found.eigenvalues) <= 0).all()
    assert (vectors.max(axis=0) == np.abs(vectors).max(axis=0)).all()


def test_digits(digits):
    images, labels = digits
    split = ArraySplit(images[::10], labels[::10])
    check(channel_statistics(split, 1), images[::10].reshape(-1, 1))
    grey = channel_statistics(split, 3)
    np.testing.assert_allclose(grey.eigenvectors[:, 0], 3 ** -0.5)
    np.testing.assert_allclose(grey.eigenvalues[1:], 0, atol=1e-12)


@pytest.fixture
def photo_files(tmp_path, photos):
    """Lossless pieces of two photographs, of many sizes, and the pieces."""
    pieces = [photos[n % 2][40 * n:40 * n + 90 + n, 60 * n:60 * n + 150] for n in range(8)]
    for number, piece in enumerate(pieces):
        (tmp_path / f"{number}.png").write_bytes(encode(piece, "PNG"))
    paths = np.array([str(tmp_path / f"{n}.png") for n in range(8)], dtype=object)
    return FileSplit(paths, np.zeros(8, np.int32)), pieces


def test_photographs_weigh_by_their_pixels(photo_files):
    split, pieces = photo_files
    found = channel_statistics(split)
    assert found.num_images == 8
    check(found, np.concatenate([piece.reshape(-1, 3) for piece in pieces]).astype(np.float64))
    # The first axis of photographs is brightness.
    assert (found.eigenvectors[:, 0] > 0.3).all()


def test_what_the_evaluation_sees(photo_files):
    split, pieces = photo_files
    crops = [resize_and_center_crop(piece, 24, 32).numpy() for piece in pieces]
    found = channel_statistics(split, image_size=24, eval_resize=32)
    check(found, np.stack(crops).reshape(-1, 3).astype(np.float64))


def test_some_images(photo_files):
    split, pieces = photo_files
    rows = some_rows(split, 3, seed=1)
    assert len(set(rows.tolist())) == 3
    found = channel_statistics(split, count=3, seed=1)
    check(found, np.concatenate([pieces[n].reshape(-1, 3) for n in rows]).astype(np.float64))
    assert channel_statistics(split, count=3, seed=2).mean[0] != found.mean[0]
    assert len(some_rows(split, 99, seed=1)) == 8


def test_sums_do_not_round():
    """A deviation of 1/1000 of a level beside a mean of 254 is below float32's reach."""
    images = np.full((4, 1000, 1000, 3), 254, np.uint8)
    images[0, 0, :4] = 255
    found = channel_statistics(ArraySplit(images, np.zeros(4, np.int32)))
    share = 4 / 4e6
    np.testing.assert_allclose(found.std, (share * (1 - share)) ** 0.5, rtol=1e-9)


def test_a_broken_image_is_named(photo_files):
    split, _ = photo_files
    with open(split.paths[5], "r+b") as file:
        file.truncate(200)
    with pytest.raises(ValueError, match="1 image of the set cannot be read: .*/5.png: truncated"):
        channel_statistics(split)


@pytest.mark.parametrize(("options", "message"), [
    ({"eval_resize": 32}, "eval_resize has no effect without image_size"),
    ({"image_size": -1}, "image_size out of range, got -1"),
    ({"image_size": 32, "eval_resize": 24}, "eval_resize too small, got 24"),
    ({"count": -1}, "count out of range, got -1"),
    ({"channels": 2}, "channels out of range, got 2"),
])
def test_wrong_arguments(options, message):
    split = open_source("synthetic:size=8,count=4,classes=2").splits["train"]
    with pytest.raises(ValueError, match=message):
        channel_statistics(split, **options)
