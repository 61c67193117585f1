"""Files that are there whole or not at all: errors while one is written."""

from __future__ import annotations

import errno
import re
import resource
import signal

import pytest

from zoo.files import write_bytes, written_aside


@pytest.fixture
def no_more_than_1000_bytes():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_file_that_the_disk_has_no_room_for_is_named(tmp_path, no_more_than_1000_bytes):
    path = tmp_path / "report.md"
    write_bytes(path, b"before")
    with pytest.raises(OSError, match=re.escape(str(path))) as error:
        write_bytes(path, b"x" * 2000)
    assert error.value.errno == errno.EFBIG
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path):
    path = tmp_path / "nowhere" / "report.md"
    with pytest.raises(FileNotFoundError) as error:
        write_bytes(path, b"x")
    assert error.value.filename == str(path)


def test_an_error_about_another_file_stays(tmp_path):
    with pytest.raises(FileNotFoundError) as error, written_aside(tmp_path / "x"):
        (tmp_path / "other").read_bytes()
    assert error.value.filename == str(tmp_path / "other")
