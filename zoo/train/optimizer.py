"""Nesterov's accelerated gradient with coupled L2, as pure functions.

Keras' SGD decouples weight decay; every reference recipe for these networks couples it
(gradient + weight_decay * weight, before the momentum), so the update is written out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

Tensors = Mapping[str, tf.Tensor]
# (weights, momenta, gradients, learning_rate) -> (weights, momenta)
Update = Callable[[Tensors, Tensors, Tensors, tf.Tensor], tuple[Tensors, Tensors]]


def nesterov(
    *,
    momentum: float,
    weight_decay: float,
    bias_decay: bool,
    rates: Mapping[str, float] | None = None,
) -> Update:
    """Sutskever et al. 2013's form of Nesterov's gradient, as MXNet's NAG and Keras' SGD have it.

        g = gradient + weight_decay * w        (w of rank 2 and more; of any rank: bias_decay)
        m = momentum * m - learning_rate * g
        w = w + momentum * m - learning_rate * g

    The rank, not the name, says what is a kernel: biases and batch-norm parameters have rank 1.
    `rates` are factors on the learning rate of the weights that it names.
    """
    rates = rates or {}

    def update(weights, momenta, gradients, learning_rate):
        new_weights, new_momenta = {}, {}
        for name, weight in weights.items():
            gradient = gradients[name]
            if bias_decay or weight.shape.rank > 1:
                gradient = gradient + weight_decay * weight
            step = learning_rate * rates.get(name, 1.0) * gradient
            new_momenta[name] = momentum * momenta[name] - step
            new_weights[name] = weight + momentum * new_momenta[name] - step
        return new_weights, new_momenta

    return update
