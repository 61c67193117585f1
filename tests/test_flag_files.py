"""Files of flags as editors write them, and what is none."""

from __future__ import annotations

import os

import pytest

from zoo.flag_files import SHIPPED, expanded, read_lines

TEXT = (
    "# both\n--epochs=3  # short\n\n  --data=folder:/a#1/b \t#comment\n//no\n"
    "--name=it's // mine\n"
)
LINES = ["--epochs=3", "--data=folder:/a#1/b", "--name=it's // mine"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding, end, tmp_path):
    path = tmp_path / "a [1].flags"
    path.write_bytes((TEXT + "--run_dir=ü").replace("\n", end).encode(encoding))
    assert expanded(["program", f"--flagfile={path}", "--seed=1"]) == [
        "program", *LINES, "--run_dir=ü", "--seed=1"
    ]
    assert [line for line in read_lines(path) if line] == [*LINES, "--run_dir=ü"]


def test_the_order_of_bytes_of_the_other_utf_16(tmp_path):
    (tmp_path / "x").write_bytes(b"\xfe\xff" + "--epochs=3\n".encode("utf-16-be"))
    assert expanded([f"--flagfile={tmp_path}/x"]) == ["--epochs=3"]


def test_files_name_files_each_in_its_place(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "in").write_text("--seed=1 # one\n--flagfile=out\n")
    (tmp_path / "out").write_text("--epochs=1\n--flagfile=~/in  # the other\n-epochs=2\n")
    assert expanded(["--a", "--flagfile", "out", "--", "--flagfile=out"]) == [
        "--a", "--epochs=1", "--seed=1", "-epochs=2", "--", "--flagfile=out"
    ]
    assert "names itself; left out there" in capsys.readouterr().err


def wrong(path, message, before="--flagfile: "):
    with pytest.raises(ValueError) as error:
        expanded([f"--flagfile={path}"])
    assert str(error.value).startswith(before) and message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_file_of_flags(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("link")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "utf-16").write_bytes("--epochs=3\n".encode("utf-16-le"))  # without its mark
    (tmp_path / "latin").write_bytes(b"--run_dir=caf\xe9\n")
    (tmp_path / "cut").write_bytes(b"\xff\xfe-\0-")
    (tmp_path / "large").write_bytes(b"--epochs=3\n" * 100_000)
    (tmp_path / "words").write_text("epochs=3\n")
    for name in ("pipe", "."):
        wrong(tmp_path / name, "which is no file; expected a file of flags")
    wrong("/dev/zero", "got '/dev/zero', which is no file")
    wrong(tmp_path / "none", "No such file or directory; expected a file of flags, one a line")
    wrong(tmp_path / "link", "Too many levels of symbolic links")
    for name in ("binary", "utf-16", "latin", "cut"):
        wrong(tmp_path / name, "which is no text in UTF-8; expected a file of flags")
    wrong(tmp_path / "large", "of over 1 MiB")
    wrong(tmp_path / "words", "got the line 'epochs=3'; expected --NAME=VALUE")
    wrong("", "got ''; expected the name of a file or folder")


def test_a_flag_without_its_file():
    with pytest.raises(ValueError, match="--flagfile: got no file; expected --flagfile=FILE"):
        expanded(["--flagfile"])


def test_shipped_files_are_found_by_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_name = expanded(["--flagfile=imagenet_8gpu"])
    assert "--data=tfds:imagenet2012" in by_name and "--batch_size=1024" in by_name
    assert by_name == expanded([f"--flagfile={SHIPPED / 'imagenet_8gpu.flags'}"])
    (tmp_path / "quickstart").write_text("--epochs=7\n")
    assert expanded(["--flagfile=quickstart"]) == ["--epochs=7"]  # a file here goes first
    with pytest.raises(ValueError, match="got 'quickstrat', which is no file; expected a file, or "
                                         "one of: fixres, imagenet, "):
        expanded(["--flagfile=quickstrat"])
