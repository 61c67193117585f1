"""MobileNet v3, large (Howard et al. 2019, arXiv 1905.02244) on ImageNet, as published.

Numbers: section 6.1: RMSProp with momentum 0.9, batch 4096, rate 0.1 with a "decay rate of 0.01
every 3 epochs", read as times 0.99 (0.99666 each), decay 1e-5, dropout 0.2, batch-norm's average
0.99, the weights' 0.9999; images as for Inception: TF-Slim's crops and colours, brightness as a
factor. Not in the paper: rho 0.9, epsilon 1e-3 and 5 epochs of warmup are as for EfficientNet, 600
epochs as in torchvision. Published: 75.2 % (its table 3). Where 4096 images do not fit:
--micro_batches=16, or fewer, the rate follows. Not yet measured here: ImageNet was not at hand.

    python -m recipes.mobilenet_v3_large_100 --flagfile=imagenet
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="mobilenet_v3_large_100", model="mobilenet_v3_large_100",
    model_options="dropout=0.2, bn_momentum=0.99",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.05, 1.0), crop_ratio=(3 / 4, 4 / 3),
    augment="flip|jitter(0.125, 0.5, 0.5, 0.4)",
    batch_size=4096, epochs=600, learning_rate=0.1, base_batch_size=4096,
    schedule="exponential(0.99666)", warmup_epochs=5,
    optimizer="rmsprop(rho=0.9, momentum=0.9, epsilon=0.001, initial=1)", weight_decay=1e-5,
    averaging="ema(decay=0.9999)",
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
