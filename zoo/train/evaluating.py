"""What a run evaluates: its weights and, where it keeps some, their averages."""

from __future__ import annotations

from zoo.core.phases import phase_at
from zoo.evaluate.exact import Predictions, evaluate
from zoo.runs import checkpoints, evaluations, run_folder
from zoo.train.bar import Progress
from zoo.train.batches import recipe_batches
from zoo.train.divergence import check_loss, check_state
from zoo.train.prepare import Run


def evaluate_split(run: Run, split: str, by: str = "weights") -> Predictions:
    """Predictions for each image of a split ("validation" or "test"), exactly once.

    by: "weights", or "averages" where the run keeps some.

    Raises:
      Diverged: their loss is not finite.
    """
    predictions = evaluate(run.strategy, run.eval_calls[by], run.eval_sets[split])
    check_loss(predictions.loss, f"{split} loss of the {by} at step {run.step}")
    return predictions


def validate(run: Run) -> dict[str, Predictions]:
    """By "weights" and, where the run keeps some, "averages"."""
    if run.validated is None or run.validated[0] != run.step:
        _renew_statistics(run)
        run.validated = run.step, {
            by: evaluate_split(run, "validation", by) for by in run.eval_calls
        }
    return run.validated[1]


def final_predictions(run: Run, progress: Progress) -> dict[str, Predictions]:
    """By split, of what the run leaves: the best weights, or the averages, where it has some.

    Raises:
      Diverged: the weights or a loss are not finite.
    """
    if run.recipe.leaves_best:
        _restore_best(run, progress)
    check_state(run.state, run.step)
    return {
        split: validate(run)[run.leaves] if split == "validation"
        else evaluate_split(run, split, run.leaves)
        for split in run.eval_sets
    }


def _restore_best(run: Run, progress: Progress) -> None:
    """The state at the best evaluation; where its checkpoint is damaged, at the next best one."""
    ranked = evaluations.best_first(run_folder.read_records(run.folder))
    found = ((record, checkpoints.at_step(run.folder, record["step"])) for record in ranked)
    record, checkpoint = next(pair for pair in found if pair[1])  # that of the end is always there
    if record != ranked[0]:
        progress.say(f"the checkpoint of the best evaluation, epoch {ranked[0]['epoch']}, cannot "
                     f"be read: the run leaves the weights of epoch {record['epoch']}")
    run.checkpoints.restore(checkpoint)


def _renew_statistics(run: Run) -> None:
    """Of averages that are no longer what any images went through."""
    start = run.average.statistics_from if run.average else None
    if start is None or run.step < start:
        return
    phase, _ = phase_at(run.phase_calls.phases, run.step - 1, run.total_steps)
    images = recipe_batches(
        run.recipe, run.source.splits["train"], image_size=run.recipe.image_size,
        batch_size=run.recipe.batch_size, data_service=run.recipe.data_service,
    )
    batches = min(run.steps_per_epoch, run.average.statistics_batches or run.steps_per_epoch)
    run.phase_calls.statistics_call(phase)(images, batches)
