"""What a model says of an image from several views of it.

The softmax probabilities of the views are averaged, as by Krizhevsky et al. (2012, section 4.1):
"averaging the predictions made by the network's softmax layer".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from zoo.core.runtime import uses_xla
from zoo.data import Split, eval_batches
from zoo.data.views import Views
from zoo.evaluate.exact import Predictions, evaluate, make_eval_call, make_inference
from zoo.progress import with_progress


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
) -> Predictions:
    """Predictions for each image of `split`, exactly once, from the mean over its views.

    From 2 s on a line on standard error says how far it is.

    Args:
      model: [B, S, S, C] normalised -> logits [B, num_classes].
      mean, std: by channel, in levels of 0..255.
      resizing: one of `zoo.data.methods.METHODS`.
      batch_size: images that are read at once, over all devices, each with all its crops; rounded
        up to a multiple of the devices. The model is run on one view of each at a time.

    Raises:
      ValueError: a short side below the model's image size, or another argument out of range.
    """
    image_size, _, channels = model.input_shape[1:]
    replicas = strategy.num_replicas_in_sync
    batch_size = math.ceil(min(batch_size, split.num_examples) / replicas) * replicas
    batches = eval_batches(
        split, image_size=image_size, channels=channels, batch_size=batch_size, views=views,
        resizing=resizing,
    )
    jit_compile = uses_xla("auto")
    forward = make_inference(strategy, model, mean=mean, std=std, jit_compile=jit_compile)
    eval_call = make_eval_call(
        strategy, mean_over_views(forward, mirrored=views.mirrored), jit_compile=jit_compile
    )
    batches = strategy.experimental_distribute_dataset(batches)
    steps = math.ceil(split.num_examples / batch_size)
    return evaluate(strategy, eval_call, with_progress(batches, steps, "evaluating, batches"))


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
