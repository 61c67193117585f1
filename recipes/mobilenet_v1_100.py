"""MobileNet (Howard et al. 2017, arXiv 1704.04861) with "Bag of Tricks" (arXiv 1812.01187).

Numbers: GluonCV's log (mobilenet1.0, mixup): batch 1024, rate 0.4, cosine, 5 epochs of warmup,
mixup 0.2 and 200 epochs, label smoothing 0.1, no decay of biases and batch-norm, jitter 0.4, PCA
noise 0.1. Published: 73.28 / 91.30 % (GluonCV mobilenet1.0). MobileNet's own paper reaches 70.6 %,
with RMSProp and little or no decay of the depthwise kernels: here they decay as the others do. Not
yet measured here: ImageNet was not at hand.

    python -m recipes.mobilenet_v1_100 --flagfile=imagenet_8gpu
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="mobilenet_v1_100", model="mobilenet_v1_100",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3),
    augment="flip|jitter(0.4, 0.4, 0.4)|lighting(0.1)|mixup(0.2)",
    batch_size=1024, epochs=200, learning_rate=0.1, base_batch_size=256, schedule="cosine",
    warmup_epochs=5, optimizer="nesterov(0.9)", weight_decay=1e-4, bias_decay=False,
    label_smoothing=0.1,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
