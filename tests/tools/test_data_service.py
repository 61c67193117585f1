"""Training batches from the processes of a tf.data service on this machine."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from launch import run_module

from zoo.data import open_source, train_batches

ROOT = Path(__file__).parents[2]
OPTIONS = {"image_size": 16, "channels": 1, "batch_size": 20, "seed": 3}


def start(*arguments: str) -> tuple[subprocess.Popen, str]:
    """A process of the tool and the line it prints when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.data_service", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    line = process.stdout.readline().strip()
    if not line:
        raise AssertionError(process.communicate()[1])
    return process, line


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service") / "digits"
    run_module(
        "tools.digits_folder", f"--out={folder}", "--train_per_class=10",
        "--validation_per_class=1", "--size=32",
    ).check_returncode()
    return open_source(f"folder:{folder}", cache_mb=0).splits["train"]


@pytest.fixture(scope="module")
def service():
    """Starts a dispatcher; gives its address and a function that starts a worker."""
    dispatcher, line = start("--port=0")
    address = line.removeprefix("dispatcher ")
    place = address.removeprefix("grpc://")
    processes = [dispatcher]

    def add_worker():
        processes.append(start("--port=0", f"--dispatcher={place}", "--host=localhost")[0])

    yield address, add_worker
    for process in reversed(processes):
        process.terminate()
        assert process.wait(120) == 0


def first(dataset, count):
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def test_workers_read_what_this_process_would(train, service):
    address, add_worker = service
    add_worker()
    for start_step in (0, 7):  # of 5 steps an epoch
        here = first(train_batches(train, start_step=start_step, **OPTIONS), 6)
        there = first(
            train_batches(train, start_step=start_step, data_service=address, **OPTIONS), 6
        )
        for got, want in zip(there, here, strict=True):
            np.testing.assert_array_equal(got[0], want[0])
            np.testing.assert_array_equal(got[1], want[1])
    # Two share the epochs out: whole batches, each of them one that a single one makes.
    add_worker()
    here = first(train_batches(train, **OPTIONS), 40)
    known = {images.tobytes() for images, _ in here}
    there = first(train_batches(train, data_service=address, **OPTIONS), 10)
    assert len({images.tobytes() for images, _ in there}) == 10
    assert {images.tobytes() for images, _ in there} <= known


def test_images_in_memory_are_refused(train, service):
    source = open_source("mnist5k")
    with pytest.raises(ValueError, match="data_service has no effect on images that are in mem"):
        train_batches(source.splits["train"], data_service=service[0], **OPTIONS)


@pytest.mark.parametrize("address", ["grpc://localhost:1", "grpc://nowhere.invalid:1", "x"])
def test_a_service_that_is_not_there(train, address):
    with pytest.raises(ValueError, match=f"data_service cannot be reached, got '{address}'"):
        train_batches(train, data_service=address, **OPTIONS)
