"""ResNet-18 (He et al. 2015, arXiv 1512.03385) on ImageNet, with the Bag of Tricks baseline.

Numbers: arXiv 1812.01187, section 2.1: NAG, batch 256, 120 epochs, rate 0.1 divided by 10 at
epochs 30, 60, 90; crop area 8-100 %, ratio 3/4-4/3; hue, saturation and brightness by 0.4, PCA
noise 0.1; everything decays. Published: 70.93 / 89.92 % (GluonCV resnet18_v1). Not yet measured
here: ImageNet was not at hand.

    python -m recipes.resnet18 --flagfile=imagenet_1gpu
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="resnet18", model="resnet18",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3), augment="flip|hsb(0.4)|lighting(0.1)",
    batch_size=256, epochs=120, learning_rate=0.1, schedule="step(30, 60, 90, factor=0.1)",
    optimizer="nesterov(0.9)", weight_decay=1e-4, bias_decay=True,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
