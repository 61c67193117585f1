"""VGG-16 (Simonyan and Zisserman 2014, arXiv 1409.1556, network D) on ImageNet, as published.

Numbers: section 3: batch 256, momentum 0.9, decay 5e-4, rate 0.01 divided by 10 three times, where
validation stopped improving (the patience is ours), 74 epochs; short side 256, crops of 224,
flips, PCA noise 0.1, the mean taken off and no deviation. Published: 73.0 / 91.2 % for the whole
image at once (its table 3, S = Q = 256), which is not the centre crop that is evaluated here. With
--scale_jitter=256,512 --eval_resize=384: 74.4 / 91.9 %, there from the weights of S = 384 on. Not
yet measured here: ImageNet was not at hand.

    python -m recipes.vgg16 --flagfile=imagenet_1gpu
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="vgg16", model="vgg16",
    data="tfds:imagenet2012", image_size=224, eval_resize=256, scale_jitter=(256, 256),
    std=(1, 1, 1), augment="flip|lighting(0.1)",
    batch_size=256, epochs=74, learning_rate=0.01,
    schedule="plateau(factor=0.1, patience=3)", optimizer="momentum(0.9)", weight_decay=5e-4,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
