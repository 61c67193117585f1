"""ZFNet (Zeiler and Fergus 2013, arXiv 1311.2901) on ImageNet.

Numbers: section 3: batch 128, momentum 0.9, rate 0.01 lowered by hand where validation stopped
improving, 70 epochs; short side 256, crops of 224, flips, the mean taken off and no deviation.
Its ten fixed crops are random ones here. Factor and patience are ours; the paper names no weight
decay: AlexNet's. Published: 61.6 / 83.5 % (its table 2, one network). Not yet measured here:
ImageNet was not at hand.

    python -m recipes.zfnet --flagfile=imagenet
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="zfnet", model="zfnet",
    data="tfds:imagenet2012", image_size=224, eval_resize=256, scale_jitter=(256, 256),
    std=(1, 1, 1), augment="flip",
    batch_size=128, epochs=70, learning_rate=0.01, base_batch_size=128,
    schedule="plateau(factor=0.1, patience=3)", optimizer="momentum(0.9)", weight_decay=5e-4,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
