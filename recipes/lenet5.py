"""LeNet-5 (LeCun et al. 1998), tanh and average-pool as published, on handwritten digits.

Time: 39 s on two cores, the start included.
Published: 99.05 % of the MNIST test set (99.2 % with distortions), LeCun 1998, section III.
Measured: docs/measurements/digits.md. Needs nothing but a CPU:

    python -m recipes.lenet5 --flagfile=quickstart
    python -m recipes.lenet5 --data=idx:DIR     (MNIST's four files, gzipped or not)
"""

from zoo.cli import main
from zoo.recipe import Recipe

RECIPE = Recipe(
    name="lenet5", model="lenet5",
    data="mnist5k", image_size=28, channels=1, eval_resize=28, mean=(33.3,), std=(78.6,),
    crop_area=(1, 1), augment="pad_crop(2)",
    batch_size=128, epochs=20, learning_rate=0.1, base_batch_size=128, schedule="cosine",
    warmup_epochs=0.5, optimizer="nesterov(0.9)", weight_decay=5e-4,
)

if __name__ == "__main__":
    main(RECIPE, __doc__)
