"""Accuracy of several runs together: of the mean of their probabilities, or of their weights.

    python -m tools.ensemble --run_dirs=runs/a,runs/b,runs/c
    python -m tools.ensemble --run_dirs=runs/a --checkpoints=evaluated                  snapshots
    python -m tools.ensemble --run_dirs=runs/a --checkpoints=evaluated --mean_of=weights

The runs have the same data and image size. For snapshots train with cyclic rates, such as
--schedule=cosine_restarts(10), one evaluation a cycle and --keep_checkpoints=N. For a mean of
weights batch-norm's statistics are taken anew from the training images, as the first run sees them.
"""

from absl import flags

from zoo.cli import OPTIONAL_PATH, import_tensorflow, run_tool
from zoo.given_path import as_path

RUN_DIRS = flags.DEFINE_list("run_dirs", [], "folders of training runs")
CHECKPOINTS = flags.DEFINE_enum(
    "checkpoints", "newest", ["newest", "evaluated"],
    "of each run: what it left, or each kept one of an evaluation",
)
MEAN_OF = flags.DEFINE_enum(
    "mean_of", "probabilities", ["probabilities", "weights"], "what is averaged"
)
TRUST = flags.DEFINE_list("trust", [], "packages whose code the runs may name")
SPLIT = flags.DEFINE_string("split", "validation", "train, validation or test")
OUT = flags.DEFINE(
    OPTIONAL_PATH, "out", "", "a new or empty folder for all that is found of the mean, as of "
    "tools.evaluate"
)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "images read at once", lower_bound=1)


def main() -> None:
    from zoo.data.folder import check_new_folder

    if not RUN_DIRS.value:
        raise ValueError("--run_dirs: got none; expected folders joined by commas")
    if OUT.value:
        check_new_folder(OUT.value)
    run_dirs = [str(as_path(folder)) for folder in RUN_DIRS.value]
    import_tensorflow()
    from zoo.core import runtime
    from zoo.data import open_source
    from zoo.data.bad_images import named_errors
    from zoo.evaluate import ensemble, kept
    from zoo.evaluate.label_sets import image_names
    from zoo.recipe.file import from_fields
    from zoo.report.evaluation import figures_of, percent
    from zoo.report.evaluation_folder import write_new_folder

    runtime.configure(precision="float32", virtual_devices=1, deterministic=False, seed=0)
    members = ensemble.load_members(
        run_dirs, evaluated=CHECKPOINTS.value == "evaluated", trust=TRUST.value
    )
    if len(members) < 2:
        raise ValueError(f"--run_dirs: got one model, {members[0].name}; expected several")
    recipe = from_fields(members[0].recipe, run_dirs[0], trust=TRUST.value)
    source = open_source(
        recipe.data, data_dir=recipe.data_dir, cache_mb=recipe.cache_mb,
        on_bad_image=recipe.on_bad_image, train_images=recipe.train_images,
        orientation=recipe.orientation,
    )
    if SPLIT.value not in source.splits:
        raise ValueError(f"--split: got {SPLIT.value}; expected one of {', '.join(source.splits)}")
    if source.class_names != members[0].model.class_names:
        raise ValueError("--run_dirs: their data has other classes now; expected those of "
                         "classes.txt")
    together = [member.model for member in members]
    if MEAN_OF.value == "weights":
        together = [mean_of_weights(members, recipe, source)]
    rows = [(member.name, [member.model]) for member in members]
    rows.append((f"mean of {MEAN_OF.value}", together))
    split = source.splits[SPLIT.value]
    with named_errors({SPLIT.value: split}):
        print(f"{SPLIT.value} of {recipe.data}, {split.num_examples} images; in brackets: 95 % "
              "intervals")
        for name, models in rows:
            found = evaluate(models, split)
            figures = {"title": f"{name}: {SPLIT.value} of {recipe.data}",
                       **figures_of(found, image_names(split))}
            print(f"top-1 {percent(figures, 'top_1')}, top-5 {percent(figures, 'top_5')}, loss "
                  f"{found.loss:.4f}: {name}", flush=True)
        if OUT.value:  # of the last one, the mean
            answers = kept.rows_of(found, image_names(split), source.class_names)
            write_new_folder(OUT.value, figures, found, answers, source.class_names, split,
                             source.channels)


def mean_of_weights(members: list, recipe, source):
    """The model with the mean of the members' weights, and statistics of its own."""
    from zoo.augment import parse_policy
    from zoo.data import steps_per_epoch
    from zoo.evaluate import ensemble
    from zoo.train.batches import recipe_batches
    from zoo.train.parts import settings_of

    split = source.splits["train"]
    model = ensemble.mean_of_weights(members)
    batches = recipe_batches(
        recipe, split, image_size=recipe.image_size, batch_size=recipe.batch_size
    )
    ensemble.renew_statistics(
        model, batches, steps_per_epoch(split.num_examples, recipe.batch_size),
        parse_policy(recipe.augment), settings_of(recipe, source), trainable=recipe.trainable,
        freeze_bn=recipe.freeze_bn,
    )
    return model


def evaluate(models: list, split):
    """Predictions of the mean of the models' probabilities."""
    from zoo.core.runtime import make_strategy, uses_xla
    from zoo.data import eval_batches
    from zoo.evaluate.ensemble import mean_of_probabilities
    from zoo.evaluate.exact import evaluate, make_eval_call, make_inference

    strategy, xla = make_strategy(), uses_xla("auto")
    replicas = strategy.num_replicas_in_sync
    forwards = [
        make_inference(strategy, model, mean=model.preprocessing.mean, std=model.preprocessing.std,
                       jit_compile=xla)
        for model in models
    ]
    images = models[0].preprocessing
    batches = eval_batches(
        split, image_size=images.image_size, channels=len(images.mean),
        batch_size=-(-BATCH_SIZE.value // replicas) * replicas, eval_resize=images.eval_resize,
        resizing=images.resizing,
    )
    call = make_eval_call(strategy, mean_of_probabilities(forwards), jit_compile=xla,
                          keep_logits=True)
    return evaluate(strategy, call, strategy.experimental_distribute_dataset(batches))


if __name__ == "__main__":
    run_tool(main, __doc__)
