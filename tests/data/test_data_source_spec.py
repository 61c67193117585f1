"""What `--data` accepts, and that saying no needs neither TensorFlow nor files."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from zoo.data import check_spec, open_source


@pytest.mark.parametrize(("spec", "kind", "place", "options"), [
    ("mnist5k", "mnist5k", "", {}),
    ("idx:/a/b", "idx", "/a/b", {}),
    ("idx:a,set=emnist-letters", "idx", "a", {"set": "emnist-letters"}),
    ("folder:/a, b/c=d", "folder", "/a, b/c=d", {}),
    ("tfrecord:/a/{split}-*,label_offset=1,classes=10", "tfrecord", "/a/{split}-*",
     {"label_offset": 1, "classes": 10}),
    ("tfds:mnist:3.0.1", "tfds", "mnist:3.0.1", {}),
    ("synthetic", "synthetic", "", {}),
    ("synthetic:size=224,count=50", "synthetic", "", {"size": 224, "count": 50}),
    ("textwrap:dedent,text=a b", "address", "textwrap:dedent", {"text": "a b"}),
    ("collections:Counter,size=32,name=x", "address", "collections:Counter",
     {"size": 32, "name": "x"}),
])
def test_good_values(spec, kind, place, options):
    parsed = check_spec(spec)
    assert (parsed.kind, parsed.place, parsed.options) == (kind, place, options)


@pytest.mark.parametrize(("spec", "options", "message"), [
    ("", {}, "unknown data source, got ''; expected one of: mnist5k, idx:DIR, cifar:DIR"),
    ("imagenet", {}, "unknown data source, got 'imagenet'"),
    ("folder", {}, "folder needs a place, got 'folder'; expected folder:DIR"),
    ("folder:", {}, "folder needs a place, got 'folder:'"),
    ("mnist5k:/a", {}, "mnist5k has no place, got 'mnist5k:/a'; expected mnist5k"),
    ("synthetic:64", {}, "synthetic has no place, got 'synthetic:64'; expected synthetic:size="),
    ("synthetic:colour=3", {}, "unknown option of synthetic, got 'colour'; expected size, classes"),
    ("folder:/a,size=3", {}, "unknown option of folder, got 'size'; expected recursive"),
    ("synthetic:classes=1", {}, "synthetic option classes out of range, got '1'; expected a"),
    ("synthetic:size=-4", {}, "synthetic option size out of range, got '-4'"),
    ("synthetic:size=4,size=5", {}, "an option is given twice, got 'synthetic:size=4,size=5'"),
    ("synthetic:channels=2", {}, "channels out of range, got 2; expected 1 or 3"),
    ("idx:/a,set=", {}, "idx option set is empty; expected set=TEXT"),
    ("tfrecord:/a/train-*", {}, "tfrecord needs {split} in its pattern, got '/a/train-*'"),
    ("tfrecord:{split},names=a,classes=3", {}, "classes has no effect with names"),
    ("mnist5k", {"data_dir": "/d"}, "data_dir has no effect with mnist5k, got data_dir='/d'"),
    ("folder:/a", {"data_dir": "/d"}, "data_dir has no effect with the absolute '/a'"),
    ("no_such_module:name", {}, "got data source 'no_such_module:name', which cannot be imported"),
    ("math:nothing", {}, "got data source 'math:nothing', which cannot be imported (AttributeErr"),
    ("math:pi", {}, "math:pi is no function, got float; expected one that returns a zoo.data.Sour"),
    ("textwrap:dedent,size=3", {}, "data source textwrap:dedent: missing a required argument: 'te"),
    ("textwrap:dedent,text=a,text=b", {}, "an option is given twice, got 'textwrap:dedent,text="),
    ("textwrap:dedent,text=a", {"data_dir": "/d"}, "data_dir has no effect with textwrap:dedent"),
    ("my data:x", {}, "unknown data source, got 'my data:x'; expected one of: mnist5k, idx:DIR"),
])
def test_wrong_values_end_in_one_line(spec, options, message):
    for function in (check_spec, open_source):
        with pytest.raises(ValueError) as caught:
            function(spec, **options)
        assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_negative_cache_is_an_error():
    with pytest.raises(ValueError, match="cache_mb out of range, got -1; expected MiB >= 0"):
        open_source("mnist5k", cache_mb=-1)


def test_a_function_that_returns_no_source_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "bad_sources.py").write_text("""
from zoo.data import Source

def one_split():
    return Source("own", ("a", "b"), 3, {"train": None})

def four_channels():
    return Source("own", ("a", "b"), 4, {"train": None, "validation": None})
""")
    monkeypatch.syspath_prepend(tmp_path)
    for spec, message in (
        ("textwrap:dedent,text=a", "textwrap:dedent returned str; expected a zoo.data.Source"),
        ("bad_sources:one_split", "bad_sources:one_split has no split 'validation', got ['train']"),
        ("bad_sources:four_channels", "bad_sources:four_channels has channels=4; expected 1 or 3"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            open_source(spec)


def test_checking_loads_neither_tensorflow_nor_numpy():
    code = """
import sys
import zoo.data
zoo.data.check_spec("synthetic:size=3")
try:
    zoo.data.check_spec("nonsense")
except ValueError:
    pass
loaded = [name for name in ("tensorflow", "numpy", "tensorflow_datasets") if name in sys.modules]
import zoo.data.pipeline, zoo.data.opening, zoo.data.tfrecord, zoo.data.tfds, zoo.data.cache
if any(name.startswith("tensorflow.") for name in sys.modules):
    loaded.append("tensorflow, by the import of a module")
print(loaded)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
