"""LeNet with two 5x5 convolutions of 64 and 32 channels, max-pool and 512 hidden units, on digits.

The variant that the training system of arXiv 1812.01187 is usually tried out with: it reached
98.36 % of MNIST there. Time: 57 s on two cores, the start included. Published: 98.36 %. Measured:
docs/measurements/digits.md.

    python -m recipes.lenet --data=idx:DIR     (MNIST's four files, gzipped or not)
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="lenet", model="lenet", model_options="dropout=0.3",
    data="mnist5k", image_size=28, channels=1, eval_resize=28, mean=(33.3,), std=(78.6,),
    crop_area=(1, 1), augment="pad_crop(2)",
    batch_size=128, epochs=20, learning_rate=0.05, base_batch_size=128, schedule="cosine",
    warmup_epochs=0.5, optimizer="nesterov(0.9)", weight_decay=5e-4,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
