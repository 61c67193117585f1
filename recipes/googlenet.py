"""GoogLeNet (Szegedy et al. 2014, arXiv 1409.4842) on ImageNet, with its two auxiliary heads.

Numbers: sections 5 and 6: momentum 0.9, rate times 0.96 every 8 epochs (0.99491 each), 0.3 of each
head's loss, averaged weights, crops of 8-100 % and 3/4-4/3, the mean taken off and no deviation;
colours as Howard (arXiv 1312.5402). Not there: batch 32, rate 0.01, decay 2e-4 and 250 epochs are
those of Caffe's replication (bvlc_googlenet), the average's 0.9999 is ours. There the steps were
asynchronous. Published: 89.93 % top-5 with one crop (its table 3). Not yet measured here: ImageNet
was not at hand.

    python -m recipes.googlenet --flagfile=imagenet
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="googlenet", model="googlenet", aux_weight=0.3,
    data="tfds:imagenet2012", image_size=224, eval_resize=256, std=(1, 1, 1),
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3),
    augment="flip|jitter(0.5, 0.5, 0.5)|lighting(0.1)",
    batch_size=32, epochs=250, learning_rate=0.01, base_batch_size=32,
    schedule="exponential(0.99491)", optimizer="momentum(0.9)", weight_decay=2e-4,
    averaging="ema(decay=0.9999)",
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
