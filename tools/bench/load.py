"""Seconds that zoo.weights.readers takes over those of reading the files' bytes.

    python -m tools.bench.load --files=resnet50.pth,resnet50.safetensors

Rounds take turns between reading the bytes and reading the tensors, in one process; the first
round, which fills the system's cache of files, does not count. Every tensor is summed up in the
time, so that views count as what they cost to use. Prints a Markdown row a file: medians with
minimum and maximum over the rounds.
"""

import statistics
import time
from pathlib import Path

from absl import flags

from zoo.cli import run_tool
from zoo.weights.readers import kind_of, read_tensors

FILES = flags.DEFINE_list("files", None, "weight files", required=True)
ROUNDS = flags.DEFINE_integer("rounds", 5, "timed rounds of each", lower_bound=1)


def main() -> None:
    print("| file | kind | million numbers | bytes, s | tensors, s | difference, s |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for path in FILES.value:
        raw, tensors = [], []
        for _ in range(ROUNDS.value + 1):
            raw.append(seconds(lambda path=path: Path(path).read_bytes()))
            tensors.append(seconds(lambda path=path: sum_of_all(read_tensors(path))))
        count = sum(tensor.size for tensor in read_tensors(path).values())
        more = [ours - bare for ours, bare in zip(tensors[1:], raw[1:], strict=True)]
        print(f"| {Path(path).name} | {kind_of(path)} | {count / 1e6:.1f} | {spread(raw[1:])} | "
              f"{spread(tensors[1:])} | {spread(more)} |")


def seconds(run) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def sum_of_all(tensors) -> float:
    return sum(float(tensor.sum()) for tensor in tensors.values())


def spread(values) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


if __name__ == "__main__":
    run_tool(main, __doc__)
