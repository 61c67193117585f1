"""MobileNet v2 (Sandler et al. 2018, arXiv 1801.04381) on ImageNet, as published.

Numbers: section 6.1: RMSProp with decay and momentum 0.9, rate 0.045 times 0.98 an epoch, weight
decay 4e-5, batch 96, there on each of 16 GPUs, asynchronously. exponential(0.98) falls a little at
each step, to 0.98 times after an epoch. Not in the paper: epsilon 1 is TF-Slim's default, 300
epochs are torchvision's, crops and flips are ours. Published: 72.0 % (its table 4). Not yet
measured here: ImageNet was not at hand.

    python -m recipes.mobilenet_v2_100 --flagfile=imagenet
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="mobilenet_v2_100", model="mobilenet_v2_100",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3), augment="flip",
    batch_size=96, epochs=300, learning_rate=0.045, base_batch_size=96,
    schedule="exponential(0.98)",
    optimizer="rmsprop(rho=0.9, momentum=0.9, epsilon=1.0, initial=1)", weight_decay=4e-5,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
