"""ResNet-50-D with the refinements of "Bag of Tricks" (He et al. 2018, arXiv 1812.01187).

Linear scaling (0.1 for 256 images), 5 epochs of warmup, zero gamma, no decay of biases and
batch-norm, cosine, label smoothing 0.1, mixup 0.2 and with it 200 epochs; hue, saturation and
brightness by 0.4, PCA noise 0.1. Time: 11.3 h on one H200, computed from the rate of its step.
Published: 79.15 / 94.58 % (GluonCV resnet50_v1d); 79.29 / 94.63 % (table 1) with distillation too,
the second command. Not yet measured here: ImageNet was not at hand.

    python -m recipes.resnet50d --flagfile=imagenet_8gpu
    python -m recipes.resnet50d --flagfile=tricks_13_distillation_mixup
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="resnet50d", model="resnet50d", model_options="zero_gamma=True",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3),
    augment="flip|hsb(0.4)|lighting(0.1)|mixup(0.2)",
    batch_size=1024, epochs=200, learning_rate=0.1, base_batch_size=256, schedule="cosine",
    warmup_epochs=5, optimizer="nesterov(0.9)", weight_decay=1e-4, bias_decay=False,
    label_smoothing=0.1,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
