"""The parts of a run, each made from what its recipe says of it."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import zoo.weights
from zoo.core import runtime
from zoo.core.batch_norm import with_fused_batch_norm, with_synchronized_batch_norm
from zoo.core.decay import Span, make_span
from zoo.core.distillation import make_distillation
from zoo.core.gradients import Settings
from zoo.core.group_decay import decays_of
from zoo.core.losses import class_weights, make_loss, prior_bias
from zoo.core.optimizer import Optimizer, make_optimizer
from zoo.core.phases import Phase, make_phases
from zoo.core.schedule import Schedule, make_schedule, scaled_from
from zoo.core.state import State
from zoo.data import Source, Split, check_service, eval_batches, open_source, steps_per_epoch
from zoo.data.host_ops import choose
from zoo.data.on_device import check_on_device
from zoo.data.splits import read_labels
from zoo.finetune import classifier_weights, set_classifier_bias, stage_rates
from zoo.recipe import Recipe
from zoo.recipe.rules import named
from zoo.runs import run_folder
from zoo.spec import parse_options


def open_data(recipe: Recipe, folder: Path) -> Source:
    """The recipe's data; the classes have to be those that the run in `folder` began with."""
    _, why_not_native = choose(recipe.host_ops)
    if why_not_native:
        print(why_not_native, flush=True)
    source = open_source(
        recipe.data, data_dir=recipe.data_dir, cache_mb=recipe.cache_mb,
        on_bad_image=recipe.on_bad_image, train_images=recipe.train_images,
        orientation=recipe.orientation,
    )
    if recipe.data_service:
        check_service(recipe.data_service, source.splits["train"])
    if recipe.data_on_device:
        for side in {recipe.image_size, *map(int, recipe.train_sizes)}:
            check_on_device(source.splits["train"], side)
    run_folder.check_classes(folder, source.class_names)
    return source


def check_data(recipe: Recipe, folder: Path, contents: dict[str, dict]) -> list[str]:
    """How the images differ from those that the run in `folder` began with.

    contents: of `zoo.data.contents_of`.

    Raises ValueError where they do, and the recipe does not say that this is accepted.
    """
    changes = run_folder.data_changes(folder, contents)
    if changes and recipe.data_changed != "accept":
        raise ValueError(
            f"--data: got other images than the run in {folder} had ({'; '.join(changes)}); "
            "expected the same: put them back, give a new --run_dir, or --data_changed=accept"
        )
    return changes


def span_of(recipe: Recipe, source: Source) -> Span:
    steps = steps_per_epoch(source.splits["train"].num_examples, recipe.batch_size)
    return make_span(
        steps_per_epoch=steps, epochs=recipe.epochs, warmup_epochs=recipe.warmup_epochs,
        batch_size=recipe.batch_size,
    )


def phases_of(recipe: Recipe, span: Span) -> tuple[Phase, ...]:
    return make_phases(
        frozen_steps=round(recipe.frozen_epochs * span.steps_per_epoch),
        trainable=recipe.trainable,
        sizes=[int(side) for side in recipe.train_sizes] or [recipe.image_size],
        augment=recipe.augment, final_augment=recipe.final_augment,
        final_steps=round(recipe.final_epochs * span.steps_per_epoch),
        total_steps=span.total_steps,
    )


def schedule_of(recipe: Recipe, span: Span) -> Schedule:
    schedule = make_schedule(
        recipe.schedule, peak=recipe.peak_rate, steps_per_epoch=span.steps_per_epoch,
        epochs=recipe.epochs, warmup_epochs=recipe.warmup_epochs,
    )
    frozen_steps = round(recipe.frozen_epochs * span.steps_per_epoch)
    return scaled_from(schedule, frozen_steps, recipe.unfrozen_rate) if frozen_steps else schedule


def build_model(recipe: Recipe, num_classes: int, *, weights: str = "") -> keras.Model:
    """The recipe's model, new or with `weights`, under the current dtype policy.

    It has the auxiliary classifiers where the recipe gives them a weight.

    Raises ValueError, in one line, for an unknown model or option, a size it cannot take, or
    weights that are not this model's.
    """
    model = zoo.weights.create_model(
        recipe.model,
        weights=weights or None,
        num_classes=num_classes,
        input_shape=(recipe.image_size, recipe.image_size, recipe.channels),
        trust=recipe.trust.split(","),
        **parse_options(recipe.model_options),
        **({"aux_heads": True} if recipe.aux_weight > 0 else {}),
    )
    if recipe.head_bias == "prior":
        with named("head_bias"):
            set_classifier_bias(model, prior_bias(num_classes))
    return model


def trained_model(recipe: Recipe, num_classes: int, *, weights: str = "") -> keras.Model:
    """`build_model` with the batch normalisations that the recipe trains with."""
    model = build_model(recipe, num_classes, weights=weights)
    return with_synchronized_batch_norm(model) if recipe.sync_bn else with_fused_batch_norm(model)


def model_at(recipe: Recipe, num_classes: int, image_size: int, state: State) -> keras.Model:
    """The model for training images of another size, with weights of the same shapes.

    Raises ValueError, in one line, where the model has other weights at that size.
    """
    sized = dataclasses.replace(
        recipe, image_size=image_size, eval_resize=max(image_size, recipe.eval_resize)
    )
    try:
        model = trained_model(sized, num_classes)
    except ValueError as error:
        raise ValueError(f"--train_sizes: {error}") from None
    for variable in model.trainable_variables:
        there = state.weights.get(variable.path)
        if there is None or there.shape != variable.shape:
            raise ValueError(
                f"--train_sizes: got {image_size}, at which {recipe.model} has other weights "
                f"({variable.path}); expected image_size={recipe.image_size} alone"
            )
    return model


def optimizer_of(recipe: Recipe, model: keras.Model) -> Optimizer:
    return make_optimizer(
        recipe.optimizer, weight_decay=recipe.weight_decay, bias_decay=recipe.bias_decay,
        decoupled_decay=recipe.decoupled_decay, l1_penalty=recipe.l1_penalty,
        clip_norm=recipe.clip_norm, clip_value=recipe.clip_value,
        decays=decays_of(model, recipe.group_decay), rates=stage_rates(model, recipe.stage_decay),
        classifiers=functools.partial(classifier_weights, model),
    )


def _eval_set(
    recipe: Recipe, examples: Split, strategy: tf.distribute.Strategy
) -> tf.distribute.DistributedDataset:
    replicas = strategy.num_replicas_in_sync
    # Inference keeps no activations for gradients, so larger batches fit, and run faster; but no
    # larger than the split, so that a small one is not mostly padding.
    batch_size = min(4 * recipe.batch_size, math.ceil(examples.num_examples / replicas) * replicas)
    return strategy.experimental_distribute_dataset(eval_batches(
        examples, image_size=recipe.image_size, channels=recipe.channels,
        batch_size=batch_size, eval_resize=recipe.eval_resize, resizing=recipe.eval_resizing,
        host_threads=recipe.host_threads,
    ))


def eval_sets(
    recipe: Recipe, source: Source, strategy: tf.distribute.Strategy
) -> dict[str, tf.distribute.DistributedDataset]:
    """By split: all but "train"."""
    return {
        name: _eval_set(recipe, examples, strategy)
        for name, examples in source.splits.items() if name != "train"
    }


def uses_xla(recipe: Recipe) -> bool:
    return runtime.uses_xla(recipe.xla, deterministic=recipe.deterministic)


def settings_of(recipe: Recipe, source: Source) -> Settings:
    num_classes = len(source.class_names)
    balanced = recipe.class_weights == "balanced"
    labels = read_labels(source.splits["train"]) if balanced else np.array([], np.int32)
    return Settings(
        num_classes=num_classes, mean=recipe.mean, std=recipe.std,
        label_smoothing=recipe.label_smoothing, batch_size=recipe.batch_size, seed=recipe.seed,
        scales_loss=recipe.precision == "mixed_float16",
        jit_compile=uses_xla(recipe), loss=make_loss(recipe.loss),
        class_weights=class_weights(recipe.class_weights, labels, num_classes),
        aux_weight=recipe.aux_weight, micro_batches=recipe.micro_batches,
        noise_scale=recipe.noise_scale,
        sync_bn=recipe.sync_bn, recompute=recipe.recompute,
        distillation=make_distillation(recipe.distillation), temperature=recipe.temperature,
        hard_weight=recipe.hard_weight,
    )


def check_machine(recipe: Recipe, replicas: int) -> None:
    """Raises ValueError for values that this machine's devices do not allow."""
    if recipe.sync_bn and uses_xla(recipe):
        raise ValueError("--sync_bn: got true with XLA; expected --xla=off: statistics that cross "
                         "replicas cannot be compiled")
    pieces = replicas * recipe.micro_batches
    if recipe.noise_scale and pieces == 1:
        raise ValueError("--noise_scale: got true on one device; expected --micro_batches=2 or "
                         "more: gradients over two sizes of a batch are needed")
    if recipe.batch_size % pieces:
        raise ValueError(
            f"--batch_size: got {recipe.batch_size}; expected a multiple of {pieces}: {replicas} "
            f"replicas, {recipe.micro_batches} micro-batches each"
        )
