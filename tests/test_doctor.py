"""keras-zoo doctor: what is wrong with a machine is told, with what mends it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from zoo import doctor

ROOT = Path(__file__).parents[1]


def test_this_machine_is_well():
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "doctor"], capture_output=True, text=True, cwd=ROOT,
    )
    assert done.returncode == 0 and done.stderr == "", done.stdout
    for name in ("Python", "tensorflow", "keras", "processor", "GPU", "memory", "working folder",
                 "cache for weights and compiled code", "extra test"):
        assert f"\n  {name}: " in f"\n{done.stdout}"
    assert done.stdout.endswith("nothing is wrong\n")


def test_versions_out_of_bounds_are_told_with_the_command(tmp_path, monkeypatch):
    """By the bounds of an installed package, as pip leaves them."""
    info = tmp_path / "keras_reference_zoo-9.dist-info"
    info.mkdir()
    bounds = [f"{name}>=0" for name in doctor._PACKAGES if name not in ("numpy", "keras")]
    wanted = "".join(f"Requires-Dist: {x}\n" for x in [*bounds, "numpy<1", "keras>=99"])
    (info / "METADATA").write_text(f"Name: keras-reference-zoo\nVersion: 9\n{wanted}")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = {finding.name: finding for finding in doctor._packages()}
    assert {name for name, finding in found.items() if finding.wrong} == {"numpy", "keras"}
    assert found["numpy"].cure == "pip install 'numpy<1'"
    assert found["keras"].wrong == "tested with >=99"


def test_folders(tmp_path):
    there = doctor._disk("cache", tmp_path / "not" / "yet", "make room")
    assert there.value.startswith(f"{tmp_path}, ") and not there.wrong
    assert doctor._disk("x", Path("/proc"), "go away").cure == "go away"


def test_nothing_is_left_out_where_one_thing_is_wrong(capsys, monkeypatch):
    monkeypatch.chdir("/proc")
    code = doctor.print_findings()
    out = capsys.readouterr().out
    assert code == 1 and out.endswith("1 of these are wrong\n")
    assert "! working folder: /proc, " in out and "what mends it: run in another folder" in out
    assert "extra tune" in out and os.getcwd() == "/proc"


def test_every_extra_is_looked_for():
    """But `gpu`, which the line about the GPU names."""
    setup = (ROOT / "setup.py").read_text()
    extras = setup.partition("extras_require={")[2]
    named = set(re.findall(r'^        "(\w+)": \[', extras, re.MULTILINE))
    found = {finding.name.removeprefix("extra ") for finding in doctor._extras()}
    assert named >= {"sets", "tune"} and found == named - {"gpu"}
