"""Writes tests/augment/goldens/mxnet.npz: crops of a photo through MXNet's augmenters.

    MXNET_ENVIRONMENT/bin/python tools/goldens/augment.py PHOTO.png OUT.npz

Runs in an environment of its own (Python 3.11: numpy==1.23.5 mxnet==1.9.1 pillow) and imports
nothing of the zoo. Each augmenter's random number is fixed by patching the generator it calls.
"""

import sys
from unittest import mock

import numpy as np

np.bool = bool  # MXNet 1.9.1 asks for the name that NumPy 1.24 took away

import mxnet as mx  # noqa: E402
from PIL import Image  # noqa: E402

DRAWS = (-0.4, -0.1, 0.0, 0.25, 0.4)
ALPHAS = ((0.1, -0.05, 0.2), (0.0, 0.0, 0.0), (-0.3, 0.1, 0.05))


def main(photo: str, out: str) -> None:
    crop = np.asarray(Image.open(photo).convert("RGB"))[100:116, 200:216].astype(np.float32)
    augmenters = {
        "brightness": mx.image.BrightnessJitterAug(0.4),
        "contrast": mx.image.ContrastJitterAug(0.4),
        "saturation": mx.image.SaturationJitterAug(0.4),
        "hue": mx.image.HueJitterAug(0.4),
    }
    arrays = {"image": crop, "draws": np.float32(DRAWS), "alphas": np.float32(ALPHAS)}
    for name, augmenter in augmenters.items():
        arrays[name] = np.stack([changed(augmenter, crop, "random.uniform", x) for x in DRAWS])
    lighting = mx.image.LightingAug(0.1, *pca())
    arrays["lighting"] = np.stack([
        changed(lighting, crop, "numpy.random.normal", np.array(x)) for x in ALPHAS
    ])
    np.savez_compressed(out, **arrays)


def changed(augmenter, image, generator: str, draw) -> np.ndarray:
    with mock.patch(generator, return_value=draw):
        return augmenter(mx.nd.array(image)).asnumpy()


def pca():
    """The eigenvalues and eigenvectors that mx.image.CreateAugmenter hands to LightingAug."""
    for augmenter in mx.image.CreateAugmenter((3, 8, 8), pca_noise=0.1):
        if isinstance(augmenter, mx.image.LightingAug):
            return augmenter.eigval, augmenter.eigvec
    raise LookupError("CreateAugmenter made no LightingAug")


if __name__ == "__main__":
    main(*sys.argv[1:])
