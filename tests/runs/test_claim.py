"""A run's folder is tried, locked and cleaned before anything is loaded."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.runs.claim import check_space, claimed


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_was_made_goes_where_nothing_came_into_it(tmp_path):
    with claimed(tmp_path / "a/b/run"):
        assert everything(tmp_path / "a/b/run") == [".lock"]
    assert everything(tmp_path) == []
    (tmp_path / "there").mkdir()
    with claimed(tmp_path / "there"), claimed(tmp_path / "a/b"):
        (tmp_path / "a/b/recipe.json").write_text("{}")
    assert everything(tmp_path) == ["a", "a/b", "a/b/recipe.json", "there"]


@pytest.mark.parametrize("folder, why", [
    ("/proc/zoo/run", "No such file or directory"), ("/dev/null/run", "Not a directory"),
    ("/dev/full", "Not a directory|File exists"), ("x" * 300, "File name too long"),
])
def test_where_nothing_can_be_written(tmp_path, monkeypatch, folder, why):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, OSError), match=why) as told, claimed(Path(folder)):
        raise AssertionError("it was claimed")
    assert "\n" not in str(told.value)
    assert everything(tmp_path) == []


def test_a_disk_without_room(tmp_path):
    """By the limit on a file's size, since nothing else makes a disk full without rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        with pytest.raises(ValueError, match="run cannot be written into: File too large; exp"):
            with claimed(tmp_path / "run"):
                raise AssertionError("it was claimed")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert everything(tmp_path) == []
    check_space(tmp_path, 1000)
    with pytest.raises(ValueError, match=r"MB are free in .*; expected 1000000000000 MB, for two"):
        check_space(tmp_path, 10**18)


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path):
    with claimed(tmp_path / "run"):
        with pytest.raises(ValueError, match=rf"run is in use by process {os.getpid()} on .* since "
                           r"\d{4}-.*; expected its end, or another folder$"):
            with claimed(tmp_path / "run"):
                raise AssertionError("it was claimed twice")
        assert everything(tmp_path / "run") == [".lock"]
    with claimed(tmp_path / "run"):
        pass


def test_a_killed_process_frees_it_and_what_it_left_aside_goes(tmp_path):
    code = (
        "import os, pathlib, sys\nfrom zoo.files import folder_aside, written_aside\n"
        "from zoo.runs.claim import claimed\nrun = pathlib.Path(sys.argv[1])\n"
        "with claimed(run):\n    (run / 'export').mkdir()\n"
        "    with folder_aside(run / 'export') as one, written_aside(run / 'x.json') as two:\n"
        "        (one / 'model').write_text('half')\n        two.write_text('half')\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    run = tmp_path / "run"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(run)], cwd=root, timeout=60)
    left = everything(run)
    assert len(left) == 5 and ".lock" in left and "export" in left
    (run / "export/.aside-another.host-1-0").mkdir()
    (run / "export/.hidden").write_text("somebody's own")
    with claimed(run):
        assert everything(run) == [".lock", "export", "export/.hidden"]
        assert f"process {os.getpid()} on " in (run / ".lock").read_text()
    assert everything(run) == ["export", "export/.hidden"]
