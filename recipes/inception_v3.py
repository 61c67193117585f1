"""Inception-v3 (Szegedy et al. 2015, arXiv 1512.00567) with "Bag of Tricks" (arXiv 1812.01187).

Numbers: GluonCV's log (inceptionv3-mixup): images of 299, batch 1024, rate 0.4, cosine, 5 epochs of
warmup, mixup 0.2 and 200 epochs, label smoothing 0.1, no decay of biases and batch-norm, jitter
0.4, PCA noise 0.1, no auxiliary head. Published: 78.77 / 94.39 % (GluonCV inceptionv3). The second
command trains as Inception-v3's own paper does. Not yet measured here: ImageNet was not at hand.

    python -m recipes.inception_v3 --flagfile=imagenet_8gpu
    python -m recipes.inception_v3 --flagfile=inception_v3_rmsprop
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="inception_v3", model="inception_v3",
    data="tfds:imagenet2012", image_size=299, eval_resize=342,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3),
    augment="flip|jitter(0.4, 0.4, 0.4)|lighting(0.1)|mixup(0.2)",
    batch_size=1024, epochs=200, learning_rate=0.1, base_batch_size=256, schedule="cosine",
    warmup_epochs=5, optimizer="nesterov(0.9)", weight_decay=1e-4, bias_decay=False,
    label_smoothing=0.1,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
