"""What came of each change of mutation testing: lines of JSON, and the table made of them."""

from __future__ import annotations

import collections
import csv
import hashlib
import json
from pathlib import Path

from tools.bench.mutants import Mutant

SURVIVORS = Path(__file__).with_name("mutate_survivors.tsv")


def identity(file: str, mutant: Mutant) -> str:
    """The same while the change and the rest of the file are."""
    return hashlib.sha256(f"{file}\n{mutant.source}".encode()).hexdigest()[:16]


def append(out: Path, file: str, mutant: Mutant, noticed_by: str | None, seconds: float) -> None:
    result = {
        "id": identity(file, mutant), "file": file, "line": mutant.line, "text": mutant.text,
        "change": mutant.change, "noticed_by": noticed_by, "seconds": round(seconds, 1),
    }
    with out.open("a") as lines:
        lines.write(json.dumps(result) + "\n")


def read(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def reasons() -> dict[tuple[str, str, str], tuple[str, str]]:
    """(file, line, change) -> (kind, reason) of known survivors; kind: equivalent or accepted."""
    with SURVIVORS.open(newline="") as lines:
        rows = csv.reader(lines, delimiter="\t")
        return {(file, text, change): (kind, why) for file, text, change, kind, why in rows}


def table(results: list[dict], known: dict) -> str:
    """Markdown: a row a file, then what survived."""
    counts = collections.defaultdict(collections.Counter)
    survivors = []
    for result in results:
        of_file = counts[result["file"]]
        of_file["changes"] += 1
        if result["noticed_by"]:
            of_file["time-out" if result["noticed_by"] == "time-out" else "noticed"] += 1
            continue
        kind, why = known.get((result["file"], result["text"], result["change"]), ("new", ""))
        of_file["equivalent" if kind == "equivalent" else "survived"] += 1
        survivors.append((f"{result['file']}:{result['line']}", result["change"], kind, why))
    counts["all"] = sum(counts.values(), collections.Counter())
    columns = ("changes", "noticed", "time-out", "equivalent", "survived")
    lines = [f"| file | {' | '.join(columns)} | share noticed |", "| --- |" + " --- |" * 6]
    for file, of_file in counts.items():
        noticed = of_file["noticed"] + of_file["time-out"]
        share = noticed / max(1, of_file["changes"] - of_file["equivalent"])
        cells = " | ".join(str(of_file[column]) for column in columns)
        lines.append(f"| {file} | {cells} | {100 * share:.1f} % |")
    lines += ["", "| survivor | change | kind | reason |", "| --- | --- | --- | --- |"]
    for place, change, kind, why in survivors:
        lines.append(f"| {place} | `{change.replace('|', chr(92) + '|')}` | {kind} | {why} |")
    return "\n".join(lines)
