"""Names of classes that a text file cannot keep, one a line."""

from __future__ import annotations

import os

import pytest
from conftest import write_folder

from zoo.data import open_source
from zoo.data.class_names import check_class_names

LINE_ENDS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("name", ["a{}b", "{}b", "a{}"])
def test_line_ends_are_refused(end, name):
    with pytest.raises(ValueError, match="which is not one line; expected one line of UTF-8"):
        check_class_names(["cat", name.format(end)])


def test_what_names_may_hold():
    check_class_names([" cat ", "\t", "é", "e\u0301", "\u200f", "\U0001f408", "a|b", "=cmd", "\0"])


@pytest.mark.parametrize("name, problem", [("", "not one line"), ("caf\udce9", "not in UTF-8")])
def test_no_name_and_bytes_of_another_encoding_are_refused(name, problem):
    with pytest.raises(ValueError, match=f"which is {problem}; .*: rename the class") as error:
        check_class_names(["cat", name])
    str(error.value).encode()  # the message can be printed


@pytest.mark.parametrize("name", [b"two\nlines", "two\u2028lines".encode(), b"caf\xe9"])
def test_a_folder_with_such_a_class_is_not_opened(tmp_path, name, digits):
    write_folder(tmp_path, digits)
    for split in ("train", "validation"):
        first = min((tmp_path / split).iterdir())
        os.rename(first, os.fsencode(first.parent) + b"/" + name)
    with pytest.raises(ValueError, match="got the class name .*: rename the class, as its folder"):
        open_source(f"folder:{tmp_path}")
