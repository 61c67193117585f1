"""report.html: one file that needs no other, whatever a stranger has put into the names."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from a_run import facts_of_a_run, records

from zoo.quantities import percent
from zoo.report.chart import Line, Panel, chart, smoothed
from zoo.report.plots import draw_confusion
from zoo.report.run_facts import Pictures
from zoo.report.run_markdown import as_markdown
from zoo.report.run_page import as_html, charts
from zoo.report.thumbnails import thumbnail

VOID = {"meta", "br", "img"}
HOSTILE = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a & b's", "</title>",
           "{{ 7 * 7 }}", "javascript:alert(1)", "\u202egpj.exe\x1b[2J", "https://example.org/x.png")
TEN = tuple("0123456789")


class Page(HTMLParser):
    """What a browser finds: elements, which must be closed in order, and their texts."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str, name: str = "") -> list[dict]:
        return [own for found, own in self.elements if found == tag
                and (not name or name in own.get("class", "").split())]

    @property
    def shown(self) -> str:
        return " ".join(data for tag, data in self.texts if tag not in ("style", "script"))


def checked(html: str) -> Page:
    """That it asks for nothing, and runs this package's script alone."""
    page = Page(html)
    assert len(page.of("script")) == 1 and page.of("link") == page.of("iframe") == []
    for _, own in page.elements:
        assert own.get("src", "data:image/").startswith("data:image/")
        assert own.get("href", "#").startswith("#")
        assert not [name for name in own if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://", re.sub(r">[^<]*<|(title|alt)=\"[^\"]*\"", "",
                                                           html))
    policy = next(own["content"] for own in page.of("meta") if "http-equiv" in own)
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    return page


def test_names_of_strangers_are_text():
    recipe = {"name": HOSTILE[0], "model": HOSTILE[1], "data": HOSTILE[3], "augment": HOSTILE[0],
              "batch_size": 128}
    facts = facts_of_a_run(
        HOSTILE, recipe=recipe, expected=HOSTILE[0], skipped=HOSTILE, left_out=HOSTILE,
        changed={"data": (HOSTILE[0], HOSTILE[1])}, commands={"Resume": HOSTILE[0]},
        usage=HOSTILE[0], memory={HOSTILE[0]: 1}, diagnosis=[HOSTILE[0]], images={HOSTILE[0]: 1},
        launches=[{"command": HOSTILE[0], "versions": {HOSTILE[0]: HOSTILE[1]}, "time": HOSTILE[0],
                   "git_commit": HOSTILE[0], "folder": HOSTILE[1]}],
    )
    page = checked(as_html(facts))
    assert page.shown.count("<script>alert(1)</script>") > 10
    assert "\\u202egpj.exe\\x1b[2J" in page.shown and "\x1b" not in page.shown
    assert "{{ 7 * 7 }}" in page.shown


@pytest.mark.parametrize("epochs", [1, 3, 30, 300])
def test_both_reports_tell_the_same(epochs):
    facts = facts_of_a_run(TEN, epochs)
    page, text = checked(as_html(facts)), as_markdown(facts)
    last = facts.records[-1]
    assert f"{percent(last['top_1'])} %" in page.shown
    assert f"| validation | 1000 | {percent(last['top_1'])} (90.0 to 100.0) |" in text
    for told in ("Published: 99 %.", "he weights are those of the last evaluation"):
        assert told in page.shown and told in text
    assert len(page.of("svg", "plot")) == 3
    assert len(page.of("td", "high")) == 10  # the diagonal of the matrix
    assert len(page.of("img")) == 40 and len(page.of("polyline", "raw")) == 5
    assert len(page.of("polyline")) == (5 if epochs < 8 else 9)  # smoothed: loss and accuracy


def test_a_thousand_classes_stay_small(tmp_path):
    names = [f"class number {number}" for number in range(1000)]
    facts = facts_of_a_run(names, 120)
    draw_confusion(facts.confusion, tuple(names), tmp_path / "confusion.png")
    html = as_html(facts, (tmp_path / "confusion.png").read_bytes())
    assert len(html) < 3_000_000
    assert len(checked(html).of("img", "picture")) == 1
    assert "Drawn at the end: 1000 classes" in checked(as_html(facts)).shown


def test_a_run_that_goes_on():
    facts = facts_of_a_run(
        TEN, finished=False, left="", usage="", pictures=Pictures()
    )
    page = checked(as_html(facts))
    assert "It trains: epoch 3 of 3, step 93 of 93" in page.shown
    assert "Most surely wrong" not in page.shown and not page.of("img")


def test_the_page_of_a_run(finished_run):
    page = checked((finished_run / "report.html").read_text())
    summary = json.loads((finished_run / "summary.json").read_text())
    assert f"{100 * summary['validation']['top_1']:.2f} %" in page.shown
    assert "the recipe tells “Published: 99.05 % of the MNIST test set" in page.shown
    epochs = page.texts.index(("code", "epochs"))
    assert [data for tag, data in page.texts[epochs:] if tag == "td"][:2] == ["3", "20"]
    for what in ("training steps", "evaluations", "this process", "tensorflow", "python -m recipes"
                 ".lenet5 --flagfile=quickstart", "tools.evaluate --run_dir="):
        assert what in page.shown, what
    pictures = page.of("img", "pixels")
    assert {(own["width"], own["height"]) for own in pictures} == {("28", "28")}
    wrong = round(1000 * (1 - summary["validation"]["top_1"]))
    # Wrong ones, unsure ones, an augmented batch, six of each class.
    assert len(pictures) == min(wrong, 24) + 24 + 16 + 60
    records = [json.loads(line) for line in (finished_run / "metrics.jsonl").open()]
    times = records[-1]["times"]
    assert 0 < sum(times.values()) <= records[-1]["seconds"]
    assert records[-1]["timed_images"] == (93 - 1) * 128


def test_places_of_curves():
    """By hand: 1, 0.1 and 0.01 on a logarithmic axis are in even steps."""
    found = chart(Panel("Loss", "nats", [Line("a", [1, 2, 3], [1, 0.1, 0.01], 1)], True))
    points = np.array([point.split(",") for point in found.lines[0].raw.split()], float)
    assert found.logarithmic and found.right == 3.5
    np.testing.assert_allclose(points[:, 0], [1000 / 3.5, 2000 / 3.5, 3000 / 3.5], atol=0.1)
    steps = np.diff(points[:, 1])
    assert steps[0] == pytest.approx(steps[1], abs=0.2) and steps[0] > 300
    assert [tick.text for tick in found.x_ticks] == ["0", "1", "2", "3"]
    places = {tick.text: tick.place for tick in found.y_ticks}
    assert places["0.1"] == pytest.approx(points[1, 1], abs=0.1)
    flat = chart(Panel("Loss", "nats", [Line("a", [1], [0.5], 1)], True))
    assert not flat.logarithmic and flat.bottom < 0.5 < flat.top
    rate = charts(records(30))[2]  # ends at 0, which has no place there
    assert rate.logarithmic and len(rate.lines[0].raw.split()) == 29


def test_smoothing_keeps_lines_and_ends_and_calms_noise():
    line = np.arange(50.0)
    np.testing.assert_allclose(smoothed(line), line)
    noise = line + np.random.default_rng(0).normal(0, 1, 50)
    calm = smoothed(noise)
    assert calm[0] == noise[0] and calm[-1] == noise[-1]
    assert np.std(calm - line) < 0.7 * np.std(noise - line)
    line[20] = np.nan
    there = smoothed(line)
    assert np.isnan(there[20]) and np.isfinite(np.delete(there, 20)).all()


def test_thumbnails(digits):
    small = thumbnail(digits[0][0])
    assert (small.width, small.height) == (28, 28) and small.source.startswith("data:image/png;")
    large = thumbnail(np.full((300, 200, 3), 260.0), ("a",))
    assert (large.width, large.height) == (75, 112) and large.source.startswith("data:image/jpeg;")
