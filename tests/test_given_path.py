"""What users give as paths, from one place."""

from __future__ import annotations

import os
import pathlib

import pytest

from zoo.given_path import as_path, is_pattern, matching


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("given", [
    "~/runs/a [1]", b"~/runs/a [1]", pathlib.Path("~/runs/a [1]"),
    pathlib.PurePosixPath("~/runs/a [1]"),
])
def test_a_text_bytes_and_a_path_are_the_same(given, home):
    assert as_path(given) == home / "runs" / "a [1]"


@pytest.mark.parametrize("name", ["a[1]", "a\\b", "out [1]", "ü", " a", "a~", "x*", "=", "a\nb"])
def test_names_stay_as_they_are(name):
    assert os.fspath(as_path(name)) == name and as_path(name.encode()) == pathlib.Path(name)
    assert as_path("./~") == pathlib.Path("~")


@pytest.mark.parametrize("given, message", [
    ("", "got ''; expected the name of a file or folder"),
    (b"", "got ''; expected the name"),
    ("  ", "got '  '; expected the name"),
    ("a\0b", "expected the name of a file or folder"),
    ("gs://bucket/run", "got 'gs://bucket/run'; expected a local file or folder"),
    (b"caf\xe9", "got 'caf.udce9', a name that is not UTF-8, which TensorFlow does not take"),
    (3, "got 3 of type int; expected a text or a Path"),
    (None, "got None of type NoneType"),
])
def test_what_is_no_path(given, message):
    with pytest.raises(ValueError, match=message) as error:
        as_path(given)
    assert "\n" not in str(error.value)
    str(error.value).encode()


def test_what_exists_is_itself_and_the_rest_is_a_pattern(home):
    for name in ("set [v1]/train-2", "set [v1]/train-1", "set v/train-3", "a[1]", "a1", "b*/c.png"):
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    two = ["set [v1]/train-1", "set [v1]/train-2"]
    assert matching("set [v1]/train-*") == two
    assert matching(f"{home}/set [v1]/train-*") == [f"{home}/{name}" for name in two]
    assert matching(b"~/set [v1]/train-*") == [f"{home}/{name}" for name in two]
    assert matching(pathlib.Path("set*/train-[13]")) == ["set [v1]/train-1", "set v/train-3"]
    assert matching("a[1]") == ["a[1]"] and matching("a[12]") == ["a1"]
    assert matching("b*/*.png") == matching("b*/c.png") == matching("**/*.png") == ["b*/c.png"]
    assert matching("nowhere/*") == matching("") == []


@pytest.mark.parametrize("name, pattern", [
    ("a[1]", True), ("a\\b", True), ("a*", True), ("{a}", True), ("a b", False), ("ü#%~", False),
])
def test_what_tensorflow_takes_for_a_pattern(name, pattern):
    assert is_pattern(name) is pattern
