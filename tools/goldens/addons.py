"""Writes tests/augment/goldens/addons.npz: crops of a photo through TensorFlow Addons.

    ADDONS_ENVIRONMENT/bin/python tools/goldens/addons.py PHOTO.png OUT.npz

Runs in an environment of its own (Python 3.11: tensorflow-cpu==2.15.1 tensorflow-addons==0.23.0
pillow) and imports nothing of the zoo: the last Addons cannot be imported beside Keras 3.
"""

import sys

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa
from PIL import Image

DEGREES = (-125.0, -30.0, 0.0, 17.0, 90.0)
SHIFTS = ((3.0, 0.0), (-5.0, 2.0), (0.0, -4.0))
SHEARS = (-0.31, 0.11, 0.97)  # no source half-way between two pixels of 32
FACTORS = (0.0, 0.5, 1.0, 1.7)
FILL = 128


def main(photo: str, out: str) -> None:
    crop = np.asarray(Image.open(photo).convert("RGB"))[100:132, 200:232]
    image = tf.constant(crop)
    arrays = {
        "image": crop,
        "degrees": DEGREES,
        "rotate": [tfa.image.rotate(image, np.deg2rad(x), fill_value=FILL) for x in DEGREES],
        "shifts": SHIFTS,
        "translate": [tfa.image.translate(image, x, fill_value=FILL) for x in SHIFTS],
        "shears": SHEARS,
        "shear_x": [tfa.image.shear_x(image, x, FILL) for x in SHEARS],
        "shear_y": [tfa.image.shear_y(image, x, FILL) for x in SHEARS],
        "equalize": tfa.image.equalize(image),
        "factors": FACTORS,
        "sharpness": [tfa.image.sharpness(image, x) for x in FACTORS],
        "cutout": tfa.image.cutout(image[None], (8, 8), offset=[[3, 20]], constant_values=FILL)[0],
    }
    np.savez_compressed(out, **{name: np.asarray(value) for name, value in arrays.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
