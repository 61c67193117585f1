"""Small networks, and what they compute in float64 by NumPy."""

from __future__ import annotations

import keras
import numpy as np

SHAPE = (12, 12, 2)


def small_net(activation: str | None = None, inside: bool = False) -> keras.Model:
    """Convolution, ReLU, max pooling, twice; then all places to three classes.

    activation: of the classifier. inside: the ReLU of the convolutions is inside of them.
    """
    keras.utils.set_random_seed(3)
    images = x = keras.Input(SHAPE, name="images")
    for i, filters in enumerate((4, 5), 1):
        x = keras.layers.Conv2D(filters, 3, activation="relu" if inside else None,
                                bias_initializer="random_normal", name=f"conv{i}")(x)
        if not inside:
            x = keras.layers.Activation("relu", name=f"act{i}")(x)
        if i == 1:
            x = keras.layers.MaxPooling2D(2, name="pool1")(x)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(images, keras.layers.Dense(3, activation=activation, name="dense")(x),
                       name="small")


def images(count: int = 3) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((count, *SHAPE)).astype("float32")


def weights(model: keras.Model, layer: str) -> list[np.ndarray]:
    return [np.asarray(x, "float64") for x in model.get_layer(layer).get_weights()]


def conv(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """[H, W, C] by [kh, kw, C, filters], without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))
    return np.einsum("ijcuv,uvcf->ijf", windows, kernel)


def transposed_conv(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """[h, w, filters] back to [h + kh - 1, w + kw - 1, C]: each value lays down its filter."""
    rows, columns = kernel.shape[:2]
    found = np.zeros((x.shape[0] + rows - 1, x.shape[1] + columns - 1, kernel.shape[2]))
    for row, column in np.ndindex(x.shape[:2]):
        found[row : row + rows, column : column + columns] += kernel @ x[row, column]
    return found


def forward(model: keras.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    """The values of all layers for one image, float64."""
    values = {"images": image.astype("float64")}
    kernel, bias = weights(model, "conv1")
    values["conv1"] = conv(values["images"], kernel) + bias
    values["act1"] = np.maximum(values["conv1"], 0)
    blocks = values["act1"].reshape(5, 2, 5, 2, -1).transpose(0, 2, 1, 3, 4).reshape(5, 5, 4, -1)
    values["pool1"], values["switches"] = blocks.max(2), blocks.argmax(2)
    kernel, bias = weights(model, "conv2")
    values["conv2"] = conv(values["pool1"], kernel) + bias
    values["act2"] = np.maximum(values["conv2"], 0)
    kernel, bias = weights(model, "dense")
    values["logits"] = values["act2"].ravel() @ kernel + bias
    return values
