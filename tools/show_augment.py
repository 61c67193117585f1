"""A contact sheet of ops or of a policy, on a real photo.

    python -m tools.show_augment --out=ops.png
    python -m tools.show_augment --policy="flip|hsb(0.4)|lighting(0.1)|mixup(0.2)" --out=policy.png

Without --policy: a row for each op at several strengths. With it: draws of the whole policy, in
rows. The first image of a row is the photo as it went in.
"""

from absl import flags

from zoo.augment import check_policy
from zoo.cli import PATH, import_tensorflow, run_tool

POLICY = flags.DEFINE_string("policy", "", "operations, as a recipe's --augment names them")
OUT = flags.DEFINE(PATH, "out", "augment.png", "file to write")
SIZE = flags.DEFINE_integer("size", 128, "side of an image, pixels", lower_bound=16)
ROWS = flags.DEFINE_integer("rows", 6, "rows of draws of a policy", lower_bound=1)
SEED = flags.DEFINE_integer("seed", 1, "seed of the random draws")

COLUMNS = 8
STRENGTHS = (
    "flip(1.0)", "flip_up_down(1.0)", "pad_crop(20)", "rotate(15)", "rotate(90)",
    "translate(0.1, 0.1)", "translate(0.4, fill=128)", "shear(0.3)", "shear(0, 0.8)",
    "zoom(0.7, 1.4)", "zoom(0.5, 2.0, per_axis=True)", "brightness(0.4)", "brightness(0.9)",
    "contrast(0.4)", "contrast(1.0)", "saturation(0.4)", "saturation(1.0)", "hue(0.1)", "hue(1.0)",
    "hsb(0.2)", "hsb(0.4)", "jitter(0.4, 0.4, 0.4, 0.1)", "lighting(0.1)", "lighting(1.0)",
    "grey(0.5)", "noise(25)", "noise(100)", "blur(1.0)", "blur(4.0)", "sharpness(1.0)", "invert",
    "posterize(4, 1.0)", "posterize(2, 1.0)", "solarize(128, 1.0)", "autocontrast(1.0)",
    "equalize(1.0)", "erase(1.0)", "erase(1.0, area=(0.3, 0.4), value=128)", "cutout(32)",
    "mixup(0.2)", "mixup(1.0)", "cutmix(1.0)", "mixup_or_cutmix", "rand_augment(1, 3)",
    "rand_augment(2, 9)", "trivial_augment", "auto_augment(policy=imagenet)",
    "auto_augment(policy=cifar10)", "augmix(3)", "augmix(10)",
)


def main() -> None:
    check_policy(POLICY.value)
    import_tensorflow()
    import tensorflow as tf
    from PIL import Image, ImageDraw

    photos = sample_photos(tf)
    specs = [POLICY.value] * ROWS.value if POLICY.value else STRENGTHS
    caption = 14
    height = SIZE.value + caption
    sheet = Image.new("RGB", (COLUMNS * SIZE.value, len(specs) * height), "white")
    for row, spec in enumerate(specs):
        for column, image in enumerate([photos[0], *draws(tf, spec, photos, row)]):
            levels = tf.cast(tf.round(image), tf.uint8).numpy()
            sheet.paste(Image.fromarray(levels), (column * SIZE.value, row * height + caption))
        ImageDraw.Draw(sheet).text((2, row * height + 1), spec, fill="black")
    sheet.save(OUT.value)
    print(f"{OUT.value}: {len(specs)} rows of {COLUMNS}")


def sample_photos(tf):
    """float32 [COLUMNS - 1, S, S, 3]: one photo, and in the last three places another, or a blend
    of two would not show."""
    from sklearn.datasets import load_sample_images

    first, second = (
        tf.image.resize(photo[:, 100:-113], [SIZE.value] * 2, antialias=True)
        for photo in load_sample_images().images
    )
    return tf.stack([first] * (COLUMNS - 4) + [second] * 3)


def draws(tf, spec: str, photos, row: int):
    from zoo.augment import parse_policy

    labels = tf.one_hot(tf.range(len(photos)), len(photos))
    return parse_policy(spec)(photos, labels, tf.constant([SEED.value, row]))[0]


if __name__ == "__main__":
    run_tool(main, __doc__)
