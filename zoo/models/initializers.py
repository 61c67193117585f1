"""Other distributions for the kernels of a new model than blocks.py's, Xavier's.

    name                deviation                      source
    xavier              sqrt(2 / (fan in + fan out))   Glorot & Bengio 2010; uniform, of blocks.py
    msra                sqrt(2 / fan in)               He et al. 2015, arXiv:1502.01852
    lecun               sqrt(1 / fan in)               LeCun et al. 1998, Efficient BackProp
    truncated_normal    0.02, before the cut           Dosovitskiy et al. 2020, arXiv:2010.11929

The last three are normal, cut at two deviations. msra and lecun have their deviation after the
cut. They take the fan in, which keeps the variance of the forward pass from layer to layer
(equation 10 of He et al.) and is what Caffe's "msra" takes; the fan out would keep the gradient's,
and either will do, as that paper shows. The 0.01 of AlexNet and VGG is not offered: section 2.2
there finds that gradients of a deep network vanish with it.
"""

from __future__ import annotations

from zoo.lazy import lazy_module

keras = lazy_module("keras")

XAVIER = "xavier"
_SCALES = {"msra": 2.0, "lecun": 1.0}
_TRUNCATED_NORMAL = "truncated_normal"
_NAMES = (XAVIER, *_SCALES, _TRUNCATED_NORMAL)


def check_initializer(option: str, name: str) -> None:
    """Raises ValueError unless `name` is one of the table above."""
    if name not in _NAMES:
        raise ValueError(f"got {option}={name!r}; expected one of {list(_NAMES)}")


def redraw(model: keras.Model, name: str) -> None:
    """Draws the kernels of all convolutions and dense layers anew, each layer's with a new seed.

    The seeds come from `keras.utils.set_random_seed`. `name` is one of the table above, except
    "xavier". It is set here, so that no builder has to pass it on; the layers' configurations
    have it too.
    """
    for layer in model.layers:
        if not hasattr(layer, "kernel"):
            continue
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        initializer = _initializer(name, depthwise)
        setattr(layer, "depthwise_initializer" if depthwise else "kernel_initializer", initializer)
        layer.kernel.assign(initializer(layer.kernel.shape, layer.kernel.dtype))


def _initializer(name: str, depthwise: bool) -> keras.Initializer:
    if name == _TRUNCATED_NORMAL:
        return keras.initializers.TruncatedNormal(stddev=0.02)
    # An output of a depthwise kernel [k, k, C, 1] sums k * k products. Keras counts that as the
    # fan out and k * k * C as the fan in: the kernels would be sqrt(C) times too small.
    return keras.initializers.VarianceScaling(_SCALES[name], "fan_out" if depthwise else "fan_in")
