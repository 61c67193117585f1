"""Adds tricks to a recipe one at a time, each over several seeds, and tells what each is worth.

    python -m tools.ablate --recipe=lenet5 --tricks=recipes/ablations/digits.tricks \\
        --seeds=5 --out=runs/ablation

Takes every flag of the recipe too (python -m recipes.NAME --help); they change the baseline, and so
all rows. A file of tricks is a flagfile in sections: [baseline], then [NAME OF A TRICK] and under
each the flags that it changes.

--mode=cumulative puts each trick on top of those above it, alone each on the baseline (which both
share in one --out). Runs have --seed and the next ones. Each is a process of its own, into
OUT/ROW/seed-N, without an export. Killed or stopped, the same command goes on: finished runs are
not run again, those in progress go on from their checkpoint.

OUT gets ablation.md and ablation.csv, brought up to date after each run.
"""

import sys
from pathlib import Path

from absl import flags

from zoo import flag_files
from zoo.cli import PATH, find_recipe, parse, recipe_command, run_recipe_tool

RECIPE = flags.DEFINE_string("recipe", None, "lenet for recipes/lenet.py", required=True)
TRICKS = flags.DEFINE(PATH, "tricks", None, "the file of tricks", required=True)
OUT = flags.DEFINE(PATH, "out", None, "folder of the runs and the table", required=True)
SEEDS = flags.DEFINE_integer("seeds", 5, "runs of each row", lower_bound=1)
MODE = flags.DEFINE_enum(
    "mode", "cumulative", ["cumulative", "alone"], "tricks on top of each other, or each alone"
)
JOBS = flags.DEFINE_integer("jobs", 1, "runs at once, sharing cores and GPUs", lower_bound=1)


def main(recipe) -> int:
    from zoo.tuning.ablation import make_rows, read_sections, run_rows
    from zoo.tuning.ablation_report import write_report
    from zoo.tuning.processes import lock

    if recipe.run_dir:
        raise ValueError(f"--run_dir: got {recipe.run_dir}; expected none: --out holds the runs")
    out = Path(OUT.value)
    # As they were typed, since their place is between the baseline's flags and the tricks'.
    arguments = flags.FLAGS(flag_files.expanded(sys.argv), known_only=True)[1:]
    rows = make_rows(
        read_sections(Path(TRICKS.value)), arguments, out, MODE.value, parse=parse_flags
    )
    with lock(out):
        exit_code = run_rows(
            rows, SEEDS.value, at_once=JOBS.value,
            command=lambda recipe: recipe_command(RECIPE.value, recipe),
            after_each=lambda: write_report(rows, out, MODE.value),
        )
        print(write_report(rows, out, MODE.value))
    return exit_code


def parse_flags(arguments: list[str]):
    try:
        return parse(find_recipe(RECIPE.value), ["tricks", *arguments])
    except flags.Error as error:
        raise ValueError(str(error)) from None


if __name__ == "__main__":
    run_recipe_tool(main, __doc__)
