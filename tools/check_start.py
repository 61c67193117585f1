"""Is a run worth starting? Three checks of network, data and rate in a minute; nothing is written.

    python -m tools.check_start --recipe=lenet
    python -m tools.check_start --recipe=resnet50d --flagfile=recipes/flags/imagenet.flags \\
        --batch_size=32

Takes every flag of the recipe too (python -m recipes.NAME --help); without augmentation, smoothing,
decay and dropout it looks at five batches of training images:

    1. the loss of the new network is that of equal probabilities
    2. it memorises five batches within --steps steps
    3. with black images instead it does not

Exit code 0: all three passed; 1: not all, each says what to look at; 2: wrong flags or files.
"""

from absl import flags

from zoo.cli import import_tensorflow, run_recipe_tool

RECIPE = flags.DEFINE_string("recipe", None, "lenet for recipes/lenet.py", required=True)
STEPS = flags.DEFINE_integer("steps", 300, "within which the batches are learnt", lower_bound=10)


def main(recipe) -> int:
    import_tensorflow()
    from zoo.tuning.start import check_start

    print(f"building {recipe.model}", flush=True)
    passed = []
    for verdict in check_start(recipe, STEPS.value):
        print(f"{'ok    ' if verdict.passed else 'FAILED'} {verdict.text}", flush=True)
        passed.append(verdict.passed)
    return 0 if all(passed) else 1


if __name__ == "__main__":
    run_recipe_tool(main, __doc__)
