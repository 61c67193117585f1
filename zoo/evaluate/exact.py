"""Exact evaluation: pad, mask, and count each image once.

The device gives back one prediction an image; what is said about a whole set (accuracies, loss,
confusion) is worked out from those on the host, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from zoo.core.batch_norm import with_fused_batch_norm
from zoo.core.forward import make_forward
from zoo.core.losses import softmax_cross_entropy
from zoo.core.state import make_state


@dataclass(frozen=True)
class Predictions:
    """One entry an image, in the order of the batches.

    labels: int [N]; predicted: int [N], -1 where the logits held a NaN;
    losses: float [N], cross-entropy in nats;
    in_top_5: bool [N], the label is among the five largest logits;
    probabilities: float [N], the softmax of the answer, NaN where there is none; None where they
    were not worked out;
    logits: float32 [N, num_classes]; None where they were not kept.
    """

    labels: np.ndarray
    predicted: np.ndarray
    losses: np.ndarray
    in_top_5: np.ndarray
    probabilities: np.ndarray | None = None
    logits: np.ndarray | None = None

    @property
    def loss(self) -> float:
        return float(np.mean(self.losses, dtype=np.float64))

    @property
    def top_1(self) -> float:
        """Share of images whose label has the largest logit, 0..1."""
        return float(np.mean(self.labels == self.predicted, dtype=np.float64))

    @property
    def top_5(self) -> float:
        return float(np.mean(self.in_top_5, dtype=np.float64))

    def confusion(self, num_classes: int) -> np.ndarray:
        """int64 [num_classes, num_classes]: rows are labels, columns predictions; without -1."""
        known = self.predicted >= 0
        counts = np.bincount(
            self.labels[known].astype(np.int64) * num_classes + self.predicted[known],
            minlength=num_classes**2,
        )
        return counts.reshape(num_classes, num_classes)


def make_inference(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    jit_compile: bool,
) -> Callable[[tf.Tensor], tf.Tensor]:
    """`forward(images [B, S, S, C] in 0..255) -> logits` of a trained model, for `make_eval_call`.

    To be called in a replica. mean, std: by channel, in levels of 0..255.
    """
    model = with_fused_batch_norm(model)
    state = make_state(model, strategy, scales_loss=False)
    return make_forward(model, state, mean=mean, std=std, jit_compile=jit_compile)


def make_eval_call(
    strategy: tf.distribute.Strategy,
    forward: Callable[[tf.Tensor], tf.Tensor],
    *,
    jit_compile: bool = False,
    keep_logits: bool = False,
) -> Callable:
    """`eval_call(images, labels, mask)`: what `evaluate` needs, of a distributed batch.

    forward: uint8 [B, S, S, C] -> logits float [B, num_classes], run in each replica.
    keep_logits: for the predictions to have them: 4 bytes a class and image.
    """

    @tf.function(jit_compile=jit_compile or None, autograph=False)
    def score(logits, labels):
        logits = tf.cast(logits, tf.float32)
        label_logits = tf.gather(logits, labels, batch_dims=1)
        # The label's place among the logits. Logits with a NaN say nothing, whatever comparing
        # and argmax make of them: there the prediction is -1, no class.
        rank = tf.reduce_sum(tf.cast(logits > label_logits[:, None], tf.int32), 1)
        usable = ~tf.reduce_any(tf.math.is_nan(logits), 1)
        in_top_5 = (rank < 5) & usable
        losses = softmax_cross_entropy(tf.one_hot(labels, logits.shape[-1]), logits)
        predicted = tf.argmax(logits, 1, output_type=tf.int32)
        probabilities = tf.reduce_max(tf.nn.softmax(logits), 1)
        kept = (logits,) if keep_logits else ()
        return tf.where(usable, predicted, -1), losses, in_top_5, probabilities, *kept

    def replica_eval(images, labels, mask):
        return (labels, *score(forward(images), labels), mask)

    @tf.function(autograph=False)
    def eval_call(images, labels, mask):
        return strategy.run(replica_eval, args=(images, labels, mask))

    return eval_call


def evaluate(
    strategy: tf.distribute.Strategy, eval_call: Callable, batches: Iterable
) -> Predictions:
    """The predictions for every image of `batches`, padding left out.

    batches: a distributed dataset of (images uint8 [B, S, S, C], labels int32 [B], mask bool [B]),
    mask False at padding.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    for batch in batches:
        results = eval_call(*batch)
        local = [strategy.experimental_local_results(result) for result in results]
        for *columns, mask in zip(*local, strict=True):
            kept = mask.numpy()
            parts.append(tuple(column.numpy()[kept] for column in columns))
    return Predictions(*(np.concatenate(column) for column in zip(*parts, strict=True)))
