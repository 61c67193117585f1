"""What a model says of an image from several views of it.

The softmax probabilities of the views are averaged, as by Krizhevsky et al. (2012, section 4.1):
"averaging the predictions made by the network's softmax layer".
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import keras
import tensorflow as tf

from zoo.core.runtime import uses_xla
from zoo.data import Split, eval_batches
from zoo.data.views import Views
from zoo.evaluate.exact import Predictions, evaluate, make_eval_call, make_inference
from zoo.progress import with_progress

T = TypeVar("T")


def evaluate_views(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    split: Split,
    views: Views,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    resizing: str = "bilinear",
    batch_size: int = 32,
    classes: Sequence[int] | None = None,
) -> Predictions:
    """Predictions, with their logits, for each image of `split`, exactly once and in its order,
    from the mean over its views.

    From 2 s on a line on standard error says how far it is. Where the device has no memory for a
    batch, the evaluation begins anew with half of it, and a line says so.

    Args:
      model: [B, S, S, C] normalised -> logits [B, num_classes].
      mean, std: by channel, in levels of 0..255.
      resizing: one of `zoo.data.methods.METHODS`.
      batch_size: images that are read at once, over all devices, each with all its crops; rounded
        up to a multiple of the devices. The model is run on one view of each at a time.
      classes: which of the model's outputs are answers, in the order of the split's labels; None
        for all.

    Raises:
      ValueError: a short side below the model's image size, or another argument out of range.
    """
    jit_compile, replicas = uses_xla("auto"), strategy.num_replicas_in_sync
    forward = make_inference(strategy, model, mean=mean, std=std, jit_compile=jit_compile)
    if classes is not None:
        forward = _among(forward, classes)
    eval_call = make_eval_call(
        strategy, mean_over_views(forward, mirrored=views.mirrored), jit_compile=jit_compile,
        keep_logits=True,
    )

    def evaluate_by(batch_size: int) -> Predictions:
        batches = eval_batches(
            split, image_size=model.input_shape[1], channels=model.input_shape[3],
            batch_size=batch_size, views=views, resizing=resizing,
        )
        batches = strategy.experimental_distribute_dataset(batches)
        steps = math.ceil(split.num_examples / batch_size)
        return evaluate(strategy, eval_call, with_progress(batches, steps, "evaluating, batches"))

    return with_less_memory(evaluate_by, min(batch_size, split.num_examples), replicas)


def with_less_memory(run: Callable[[int], T], batch_size: int, multiple: int = 1) -> T:
    """`run(batch_size)`; where memory is not enough, of half the batch, and so on.

    batch_size: rounded up to a multiple of `multiple`. That it was halved is told once, on standard
    error.

    Raises:
      tf.errors.ResourceExhaustedError: a batch of `multiple` does not fit.
    """
    size = first = math.ceil(batch_size / multiple) * multiple
    while True:
        try:
            found = run(size)
        except tf.errors.ResourceExhaustedError:
            if size == multiple:
                raise
            size = math.ceil(size / 2 / multiple) * multiple
            continue
        if size < first:
            print(f"no memory for batches of {first} images: these are batches of {size}",
                  file=sys.stderr, flush=True)
        return found


def _among(
    forward: Callable[[tf.Tensor], tf.Tensor], classes: Sequence[int]
) -> Callable[[tf.Tensor], tf.Tensor]:
    """`forward` with the logits of these classes alone, in this order."""
    return lambda images: tf.gather(forward(images), tf.constant(classes), axis=1)


def mean_over_views(
    forward: Callable[[tf.Tensor], tf.Tensor], *, mirrored: bool
) -> Callable[[tf.Tensor], tf.Tensor]:
    """From a model of one view to one of several, which `make_eval_call` takes as well.

    Args:
      forward: uint8 [B, S, S, C] -> logits float [B, num_classes].
      mirrored: whether the left-right mirror image of each view counts as a view too.

    Returns:
      A function: uint8 [B, V, S, S, C] -> float32 [B, num_classes], the logarithm of the mean of
      the views' softmax probabilities. That is a logit too, whose softmax is this mean; NaN where
      a view's logits hold a NaN.
    """

    def forward_views(images):
        num_crops = images.shape[1]
        num_views = num_crops * (1 + mirrored)

        def log_probabilities(view):
            shown = tf.gather(images, view % num_crops, axis=1)
            if mirrored:
                shown = tf.where(view < num_crops, shown, tf.reverse(shown, [2]))
            return tf.nn.log_softmax(tf.cast(forward(shown), tf.float32))

        # One after another: memory for one view, however many there are. Logarithms, since the
        # probability of an unlikely label may be 0 in float32, and its cross-entropy infinite.
        each = tf.map_fn(
            log_probabilities, tf.range(num_views), fn_output_signature=tf.float32,
            parallel_iterations=1,
        )
        return tf.reduce_logsumexp(each, axis=0) - math.log(num_views)

    return forward_views
