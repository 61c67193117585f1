"""VGG-16 (arXiv 1409.1556) with batch normalisation on ImageNet, as GluonCV trained it.

The paper has no batch normalisation. Numbers: GluonCV's logged command (vgg16_bn.sh): batch 256,
rate 0.01 divided by 10 at epochs 50 and 80, 100 epochs; what it leaves out is its script's: NAG
0.9, decay 1e-4 of everything, crops of 8-100 %, jitter 0.4, PCA noise 0.1. Published: 73.10 /
91.76 % (GluonCV vgg16_bn). Not yet measured here: ImageNet was not at hand.

    python -m recipes.vgg16_bn --flagfile=imagenet_1gpu
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="vgg16_bn", model="vgg16_bn",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3),
    augment="flip|jitter(0.4, 0.4, 0.4)|lighting(0.1)",
    batch_size=256, epochs=100, learning_rate=0.01, schedule="step(50, 80, factor=0.1)",
    optimizer="nesterov(0.9)", weight_decay=1e-4, bias_decay=True,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
