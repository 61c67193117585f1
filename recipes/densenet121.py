"""DenseNet-121 (Huang et al. 2016, arXiv 1608.06993) on ImageNet, as published.

Numbers: section 4: Nesterov 0.9, batch 256, 90 epochs, rate 0.1 divided by 10 at epochs 30 and 60,
decay 1e-4, the initialisation of arXiv 1502.01852; augmented as Torch's ResNets: crops of 8-100 %,
jitter 0.4, PCA noise 0.1, flips; as there, everything decays. Published: 74.98 / 92.29 % with one
crop (its table 3). Not yet measured here: ImageNet was not at hand.

    python -m recipes.densenet121 --flagfile=imagenet_1gpu
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="densenet121", model="densenet121", model_options="kernel_initializer=msra",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3),
    augment="flip|jitter(0.4, 0.4, 0.4)|lighting(0.1)",
    batch_size=256, epochs=90, learning_rate=0.1, schedule="step(30, 60, factor=0.1)",
    optimizer="nesterov(0.9)", weight_decay=1e-4, bias_decay=True,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
