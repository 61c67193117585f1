"""Trains a recipe many times with other hyperparameters, and tells which did best.

    python -m tools.sweep --recipe=lenet --out=runs/sweep --epochs=3 \\
        --space="learning_rate=log(0.01, 0.3); label_smoothing=choice(0, 0.1)"

Takes every flag of the recipe too (python -m recipes.NAME --help). Needs Optuna: pip install
'keras-reference-zoo[tune]'.

--space: fields of the recipe, each with log(LOW, HIGH), uniform(LOW, HIGH), int(LOW, HIGH) or
choice(A, B, ...), texts in quotes; a grid takes log(LOW, HIGH, points=4). All trials have the same
--seed. Each is a run in a process of its own, into OUT/trial-0000 and so on, without an export; bad
ones are ended after an evaluation (--pruner). Killed or stopped, the same command goes on: finished
trials stay, those in progress go on from their checkpoint. With --jobs=1 it proposes what an
unbroken sweep does; with more, tpe and the pruner depend on which trial is first.

OUT gets sweep.md, sweep.csv (all trials, best first), history.png, values.png and sweep.db, which
Optuna's own tools read.
"""

from pathlib import Path

from absl import flags

from zoo.cli import PATH, recipe_command, run_recipe_tool

RECIPE = flags.DEFINE_string("recipe", None, "lenet for recipes/lenet.py", required=True)
OUT = flags.DEFINE(PATH, "out", None, "folder of the sweep, gone on with if begun", required=True)
SPACE = flags.DEFINE_string("space", None, "FIELD=RANGE; FIELD=RANGE; ...", required=True)
SAMPLER = flags.DEFINE_string("sampler", "tpe", "grid, random or tpe(startup=10)")
PRUNER = flags.DEFINE_string(
    "pruner", "median", "none, median(trials=5, epochs=1) or halving(factor=4, epochs=1)"
)
TRIALS = flags.DEFINE_integer(
    "trials", None, "how many, those of earlier starts included; of a grid all; default 30",
    lower_bound=1,
)
SAMPLER_SEED = flags.DEFINE_integer(
    "sampler_seed", 0, "of the proposals; --seed is the recipe's", lower_bound=0
)
OBJECTIVE = flags.DEFINE_enum(
    "objective", "last", ["last", "best"], "which of a run's validation top-1 is to be high"
)
JOBS = flags.DEFINE_integer("jobs", 1, "trials at once, sharing cores and GPUs", lower_bound=1)


def main(recipe) -> int:
    from zoo.tuning.processes import lock
    from zoo.tuning.space import check_sampler, parse_space
    from zoo.tuning.study import Study, grid, parse_pruner, parse_sampler
    from zoo.tuning.sweep import Sweep

    if recipe.run_dir:
        raise ValueError(f"--run_dir: got {recipe.run_dir}; expected none: --out holds the runs")
    space = parse_space(SPACE.value, recipe)
    proposer = parse_sampler(SAMPLER.value)
    check_sampler(space, is_grid=proposer.name == "grid")
    if proposer.name == "grid" and (count := len(grid(space))) and TRIALS.value:
        raise ValueError(
            f"--trials: got {TRIALS.value} with --sampler=grid; expected none: it tries all {count}"
        )
    pruner = parse_pruner(PRUNER.value)
    out = Path(OUT.value)
    with lock(out):
        study = Study(
            out, recipe, space, proposer, seed=SAMPLER_SEED.value, trials=TRIALS.value or 30,
            pruner=pruner, identity={
                "recipe_file": RECIPE.value, "sampler": SAMPLER.value, "pruner": PRUNER.value,
                "objective": OBJECTIVE.value,
            },
        )
        sweep = Sweep(
            study, recipe, out, command=lambda recipe: recipe_command(RECIPE.value, recipe),
            objective=OBJECTIVE.value,
        )
        exit_code = sweep.run(JOBS.value)
    print((out / "sweep.md").read_text())
    return exit_code


if __name__ == "__main__":
    run_recipe_tool(main, __doc__)
