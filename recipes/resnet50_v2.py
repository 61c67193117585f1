"""ResNet-50 v2, pre-activation (He et al. 2016, arXiv 1603.05027), on ImageNet as in GluonCV.

Numbers: GluonCV's logged command (resnet50_v2.sh): batch 1024, rate 0.4, cosine, 5 epochs of
warmup, 120 epochs, no label smoothing; what it leaves out is its script's: NAG 0.9, decay 1e-4 of
everything, crops of 8-100 %, jitter 0.4, PCA noise 0.1. Published: 77.11 / 93.43 % (GluonCV
resnet50_v2). Not yet measured here: ImageNet was not at hand.

    python -m recipes.resnet50_v2 --flagfile=imagenet_8gpu
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="resnet50_v2", model="resnet50_v2",
    data="tfds:imagenet2012", image_size=224, eval_resize=256,
    crop_area=(0.08, 1.0), crop_ratio=(3 / 4, 4 / 3),
    augment="flip|jitter(0.4, 0.4, 0.4)|lighting(0.1)",
    batch_size=1024, epochs=120, learning_rate=0.1, base_batch_size=256, schedule="cosine",
    warmup_epochs=5, optimizer="nesterov(0.9)", weight_decay=1e-4, bias_decay=True,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
