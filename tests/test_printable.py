"""Names that strangers have chosen, as they reach a terminal, Markdown and a spreadsheet."""

from __future__ import annotations

import html
import json
import os
from pathlib import Path

import numpy as np
import pytest
from a_run import facts_of_a_run
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from zoo import cli
from zoo.evaluate.predict import as_csv, as_json
from zoo.printable import csv_cell, markdown, visible
from zoo.report.plots import draw_confusion
from zoo.report.run_markdown import as_markdown
from zoo.train.bar import Progress

ESCAPES = "\x1b]0;owned\x07\x1b[2J"
LATIN = os.fsdecode(b"caf\xe9.jpg")


@pytest.mark.parametrize("text, shown", [
    ("cat", "cat"), ("golden retriever", "golden retriever"), ("日本　語", "日本　語"),
    ("Ünï\u0301", "Ünï\u0301"), ("خانه\u200cها", "خانه\u200cها"), ("👨\u200d👩", "👨\u200d👩"),
    (ESCAPES, r"\x1b]0;owned\x07\x1b[2J"),
    ("\x9b31mred", r"\x9b31mred"),  # one sign that begins an escape, in 8 bits
    ("a\rb\nc\td\x7f\0", r"a\rb\nc\td\x7f\x00"),
    ("photo\u202egpj.exe", r"photo\u202egpj.exe"), ("\u2066x\u2069\u200f", r"\u2066x\u2069\u200f"),
    ("a\u2028b\x85\ufeff", r"a\u2028b\x85\ufeff"),
    (LATIN, r"caf\udce9.jpg"), (Path("a") / LATIN, r"a/caf\udce9.jpg"), (7, "7"),
])
def test_visible(text, shown):
    assert visible(text) == shown
    assert visible(shown) == shown
    shown.encode()


@pytest.mark.parametrize("text, shown", [
    ("cat", "cat"), ("a|b", r"a\|b"), ("<b>&amp;", r"\<b\>\&amp;"), ("a_b*c*", r"a\_b\*c\*"),
    ("[x](http://y)", r"\[x\](http://y)"), ("`rm`", r"\`rm\`"), ("# x", r"\# x"), ("$x$", r"\$x\$"),
    ("- x", r"\- x"), ("+1", r"\+1"), ("1. x", r"1\. x"), ("12345) y", r"12345\) y"),
    ("7.", r"7\."),
    ("  - x", r"  \- x"), ("3.5", "3.5"), ("a-b.c+d", "a-b.c+d"), ("a\\b", r"a\\b"),
    (ESCAPES, r"\\x1b\]0;owned\\x07\\x1b\[2J"),
])
def test_markdown(text, shown):
    assert markdown(text) == shown


@given(st.text(st.sampled_from("ab 1.)-+=#>*_`[]()!<&;|~$\\\"'\n\x1b:/\u202e")))
def test_markdown_is_shown_as_the_text(text):
    """In a list and in a table, by CommonMark with GitHub's tables."""
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    shown = visible(text)
    for source, tag in ((f"- x\n- {markdown(text)}", "li"),
                        (f"| x |\n| --- |\n| {markdown(text)} |", "td")):
        rendered = renderer.render(source)
        inner = rendered.rpartition(f"<{tag}>")[2].rpartition(f"</{tag}>")[0]
        assert html.unescape(inner).strip() == shown.strip(), rendered


@pytest.mark.parametrize("text, shown", [
    ("cat", "cat"), ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("+1", "'+1"), ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", r"\t=1"), (" =1", "' =1"), ("a=1", "a=1"), (3, "3"),
    (LATIN, r"caf\udce9.jpg"),
])
def test_csv(text, shown):
    assert csv_cell(text) == shown


def test_predictions_of_any_file(tmp_path):
    """Data keeps the names; a table is fit for a spreadsheet."""
    names = (os.fsdecode(b"caf\xe9.jpg"), "=cmd|x", ESCAPES)
    answers = [(Path(name), [(0, f"{name}!", 0.5)]) for name in names]
    for path, answer in zip(names, json.loads(as_json(answers)), strict=True):
        assert os.fsencode(answer["file"]) == os.fsencode(path)
        assert answer["predictions"][0]["class_name"] == f"{path}!"
    assert as_csv(answers).encode().decode().splitlines()[1:] == [
        r"caf\udce9.jpg,1,0,caf\udce9.jpg!,0.500000", "'=cmd|x,1,0,'=cmd|x!,0.500000",
        rf"{visible(ESCAPES)},1,0,{visible(ESCAPES)}!,0.500000",
    ]


def test_a_line_of_a_run_and_an_error_are_shown_as_they_are(capsys):
    Progress(total_images=1, done_images=0).say(f"left out: {ESCAPES}{LATIN}")
    with pytest.raises(SystemExit), cli.one_line_errors():
        raise ValueError(f"got {ESCAPES}{LATIN}")
    out, error = capsys.readouterr()
    assert out == rf"left out: {visible(ESCAPES)}caf\udce9.jpg" + "\n"
    assert error == rf"error: got {visible(ESCAPES)}caf\udce9.jpg" + "\n"


def test_a_report_with_names_of_strangers(tmp_path):
    names = ("a|b", "- <script>", r"$\q$", ESCAPES, *"456789")
    confusion = np.eye(10, dtype=int)
    confusion[0, 1], confusion[2, 3] = 9, 8
    text = as_markdown(facts_of_a_run(
        names, confusion=confusion, skipped=[f"{ESCAPES}<img src=x>.jpg: damaged"]
    ))
    assert r"- a\|b taken for \- \<script\>: 9" in text
    assert r"- \$\\q\$ taken for \\x1b\]0;owned\\x07\\x1b\[2J: 8" in text
    assert r"\<img src=x\>.jpg: damaged" in text
    assert "\x1b" not in text
    draw_confusion(confusion, names, tmp_path / "confusion.png")  # dollars are no formula
