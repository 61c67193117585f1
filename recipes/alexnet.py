"""AlexNet (Krizhevsky et al. 2012, doi:10.1145/3065386) on ImageNet, as published.

Numbers: sections 2, 4.1 and 5: batch 128, momentum 0.9, decay 5e-4, about 90 epochs, rate 0.01
divided by 10 by hand where validation stopped improving, three times (the patience is ours); short
side 256, crops of 224, flips, PCA noise 0.1, the mean taken off and no deviation. There only the
central 256x256 are cropped from. Published: 59.3 / 81.8 % with ten crops (its table 2, one
network). Not yet measured here: ImageNet was not at hand.

    python -m recipes.alexnet --flagfile=imagenet
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="alexnet", model="alexnet",
    data="tfds:imagenet2012", image_size=224, eval_resize=256, scale_jitter=(256, 256),
    std=(1, 1, 1), augment="flip|lighting(0.1)",
    batch_size=128, epochs=90, learning_rate=0.01, base_batch_size=128,
    schedule="plateau(factor=0.1, patience=3)", optimizer="momentum(0.9)", weight_decay=5e-4,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
