"""ResNet-50 (He et al. 2015, arXiv 1512.03385) on ImageNet: the Bag of Tricks baseline.

Numbers: arXiv 1812.01187, section 2.1: NAG, batch 256, 120 epochs, rate 0.1 divided by 10 at
epochs 30, 60, 90; crop area 8-100 %, ratio 3/4-4/3; hue, saturation and brightness by 0.4, PCA
noise 0.1; everything decays. Time: 6.8 h on one H200, computed from the rate of ResNet-50-D's step.
Published: 75.3 / 92.2 % (that paper's table 1). Not yet measured here: ImageNet was not at hand.
recipes/flags/tricks_*.flags add that paper's tricks, one a file:

    python -m recipes.resnet50 --flagfile=imagenet_1gpu
    python -m recipes.resnet50 --flagfile=tricks_05_float16
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="resnet50", model="resnet50",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3), augment="flip|hsb(0.4)|lighting(0.1)",
    batch_size=256, epochs=120, learning_rate=0.1, schedule="step(30, 60, 90, factor=0.1)",
    optimizer="nesterov(0.9)", weight_decay=1e-4, bias_decay=True,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
