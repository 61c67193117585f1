"""Runs beside each other: curves, and what differs in recipe, data, code and result.

    python -m tools.compare_runs runs/a runs/b
    python -m tools.compare_runs runs/a runs/b runs/c --out=comparisons/abc

Prints Markdown. --out=DIR gets comparison.html, one file with the curves over each other, and
comparison.md with its curves.png. Runs that have ended keep their predictions: McNemar's test says
whether the others are better or worse than the first by luck.
"""

from absl import flags

from zoo.cli import OPTIONAL_PATH, run_tool
from zoo.given_path import as_path

OUT = flags.DEFINE(OPTIONAL_PATH, "out", "", "a new or empty folder for the page and its Markdown")


def main(folders: list[str]) -> None:
    from zoo.data.folder import check_new_folder, new_folder
    from zoo.report.comparison import read_runs
    from zoo.report.comparison_files import as_markdown, write_comparison

    if OUT.value:
        check_new_folder(OUT.value)
    runs = read_runs(list(map(as_path, folders)))
    if OUT.value:
        with new_folder(OUT.value) as folder:
            write_comparison(folder, runs)
    print(as_markdown(runs), end="")


if __name__ == "__main__":
    run_tool(main, __doc__, takes_files=True)
