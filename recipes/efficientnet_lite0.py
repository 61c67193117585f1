"""EfficientNet-Lite0 on ImageNet, with EfficientNet's numbers (Tan and Le 2019, arXiv 1905.11946).

Numbers: section 5.2: RMSProp with decay and momentum 0.9, rate 0.256 times 0.97 every 2.4 epochs
(0.98739 each), decay 1e-5, batch-norm's average 0.99, dropout 0.2, stochastic depth 0.2,
AutoAugment. Its code adds: 0.256 is for 4096 images, epsilon 1e-3, 5 epochs of warmup, 350 epochs,
label smoothing 0.1, averaged weights 0.9999, and Lite's mean 127 and deviation 128. What Lite0
itself was trained with is not published. Published: 75.1 % (its code's README). Where 4096 images
do not fit: --micro_batches=16, or fewer, the rate follows. Not yet measured here: ImageNet was not
at hand.

    python -m recipes.efficientnet_lite0 --flagfile=imagenet
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="efficientnet_lite0", model="efficientnet_lite0",
    model_options="dropout=0.2, stochastic_depth=0.2, bn_momentum=0.99",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    mean=(127, 127, 127), std=(128, 128, 128),
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3), augment="flip|auto_augment",
    batch_size=4096, epochs=350, learning_rate=0.256, base_batch_size=4096,
    schedule="exponential(0.98739)", warmup_epochs=5,
    optimizer="rmsprop(rho=0.9, momentum=0.9, epsilon=0.001, initial=1)", weight_decay=1e-5,
    label_smoothing=0.1, averaging="ema(decay=0.9999)",
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
