"""The changes of the mutation tool, and that the tests run on the changed file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.bench.mutant_results import identity, read, table
from tools.bench.mutants import mutants

ROOT = Path(__file__).parents[2]
SOURCE = '''
"""Text."""
def area(width: int, height: float = 2.0, *, unit="cm"):
    """Text."""
    if not width > 0 and unit:
        raise ValueError(f"got {width}; expected {1}")
    width = max(width, height)
    return tf.where(width, width * height, -1), round(area, digits=3)
'''


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants(source)]


def test_changes_of_a_small_function():
    assert changes(SOURCE) == [
        "2.0 -> 3.0", "'cm' -> 'cm?'",
        "not width > 0 and unit -> not (not width > 0 and unit)",
        "not width > 0 and unit -> not width > 0 or unit",
        "not width > 0 -> width > 0", "width > 0 -> width >= 0", "0 -> 1",
        "raise ValueError(f'got {width}; expected {1}') -> pass",
        "width = max(width, height) -> pass", "max(width, height) -> max(height, width)",
        "max -> min",
        "(tf.where(width, width * height, -1), round(area, digits=3)) -> "
        "(round(area, digits=3), tf.where(width, width * height, -1))",
        "tf.where(width, width * height, -1) -> tf.where(width, -1, width * height)",
        "width * height -> width / height", "-1 -> 1", "1 -> 2",
        "round(area, digits=3) -> round(area)", "3 -> 4",
    ]


@pytest.mark.parametrize("source, change", [
    ("a = b < c", "b < c -> b <= c"), ("a = b in c", "b in c -> b not in c"),
    ("a = b or c", "b or c -> b and c"), ("a = True", "True -> False"),
    ("a = b if c else d", "c -> not c"), ("a += b", "a += b -> pass"),
    ("for a in b:\n    continue", "continue -> pass"), ("a = a(b)", "a = a(b) -> pass"),
    ("a.b(c, d)", "a.b(c, d) -> a.b(d, c)"), ("a = ~b", "~b -> b"),
    ("a = b.argmax()", "b.argmax -> b.argmin"), ("a = 'ä' + b", "'ä' + b -> 'ä' - b"),
])
def test_each_kind_of_change(source, change):
    assert change in changes(source)


def test_a_mutant_is_the_source_with_one_place_changed():
    text = "naïve = 1\nother = (naïve +\n         2)  # why\n"
    by_change = {mutant.change: mutant for mutant in mutants(text)}
    mutant = by_change["naïve + 2 -> naïve - 2"]
    assert mutant.source == "naïve = 1\nother = ((naïve - 2))  # why\n"
    assert (mutant.line, mutant.text) == (2, "other = (naïve +")


@pytest.mark.parametrize("source", [
    "import a", "def a(b: int) -> 'c': ...", "'''Docs of the file.'''", "raise A(1 + 2)",
])
def test_what_says_nothing_about_behaviour_stays(source):
    assert all(change.endswith("-> pass") for change in changes(source))


def test_table_counts_what_was_noticed_and_gives_reasons():
    def result(noticed_by, change="1 -> 2"):
        return {"file": "a.py", "line": 3, "text": "x = 1", "change": change,
                "noticed_by": noticed_by}

    known = {("a.py", "x = 1", "1 -> 2"): ("equivalent", "x is not read")}
    results = [result("tests/a"), result("time-out"), result(None), result(None, "a | b -> a & b")]
    lines = table(results, known).splitlines()
    assert lines[2] == "| a.py | 4 | 1 | 1 | 1 | 1 | 66.7 % |"
    assert lines[3].startswith("| all | 4 |")
    assert "| a.py:3 | `1 -> 2` | equivalent | x is not read |" in lines
    assert r"| a.py:3 | `a \| b -> a & b` | new |  |" in lines


def test_the_tool_notices_a_change_and_leaves_the_tree_alone(tmp_path):
    out, before = tmp_path / "out.jsonl", Path("zoo/core/loss_scale.py").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "tools.bench.mutate", "--files=zoo/core/loss_scale.py", "--count=1",
         f"--out={out}"],
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    [result] = read(out)
    assert result["noticed_by"].startswith("tests/core/test_loss_scale.py::")
    assert result["id"] in {  # by it a run resumes
        identity("zoo/core/loss_scale.py", mutant) for mutant in mutants(before.decode())
    }
    assert Path("zoo/core/loss_scale.py").read_bytes() == before


def test_the_copy_has_all_code_and_no_results(tmp_path):
    """In a process of its own: the tool's flags are global."""
    code = (
        "import sys; from pathlib import Path; from tools.bench.mutate import TESTS, copy_tree\n"
        "tree = copy_tree(Path.cwd(), Path(sys.argv[1]) / 'tree')\n"
        "code = [*Path('zoo').rglob('*.py'), *map(Path, TESTS)]\n"
        "print([str(path) for path in code if not (tree / path).exists()])\n"
        "print((tree / 'runs').exists() or (tree / '.git').exists())"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True,
                          text=True)
    assert done.stdout.splitlines() == ["[]", "False"], done.stderr
