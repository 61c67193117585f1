"""A classifier on the features of a frozen network, in the time of one pass over the images.

    python -m tools.linear_probe --model=efficientnet_lite0 --weights=imagenet \\
        --data=folder:photos --features=features --out=probe.keras

The features are computed once, without augmentation; with --features they are kept in that folder
and read the next time. The classifier is a logistic regression whose penalty is chosen in
validation. The model that is saved takes pictures in levels of 0..255 and returns logits.
"""

from pathlib import Path

from absl import flags

from zoo.cli import OPTIONAL_PATH, import_tensorflow, run_tool

MODEL = flags.DEFINE_string("model", None, "zoo.list_models() lists them", required=True)
WEIGHTS = flags.DEFINE_string(
    "weights", None, "imagenet, mnist, a name of the catalogue, a file, or a run's folder",
    required=True,
)
DATA = flags.DEFINE_string(
    "data", None, "mnist5k, idx:DIR, folder:DIR, tfrecord:PATTERN or tfds:NAME", required=True
)
FEATURES = flags.DEFINE(OPTIONAL_PATH, "features", "", "a folder that keeps the features")
OUT = flags.DEFINE(
    OPTIONAL_PATH, "out", "", "a .keras file for the network with its new classifier"
)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "images at once", lower_bound=1)


def main() -> None:
    if OUT.value and not OUT.value.endswith(".keras"):
        raise ValueError(f"--out: got {OUT.value}; expected a name that ends in .keras")
    import_tensorflow()
    from zoo.data import open_source
    from zoo.finetune import features_of, linear_probe, with_probe
    from zoo.printable import visible
    from zoo.weights import create_model, with_preprocessing

    model = create_model(MODEL.value, weights=WEIGHTS.value)
    if model.preprocessing is None:
        raise ValueError(
            f"--weights: {WEIGHTS.value} does not say what its images were like; expected weights "
            "of the catalogue or a run's folder"
        )
    source = open_source(DATA.value, orientation=model.preprocessing.orientation)
    folder = Path(FEATURES.value) if FEATURES.value else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    features = {
        name: features_of(
            model, _batches(model, split, name), folder and folder / f"{name}.npz"
        )
        for name, split in source.splits.items()
    }
    probe = linear_probe(*features["train"], *features["validation"])
    print(f"penalty's inverse strength {probe.strength:g}")
    for name, (vectors, labels) in features.items():
        right = (vectors @ probe.kernel + probe.bias).argmax(1) == labels
        print(f"{name}: {len(labels)} images, top-1 {100 * right.mean():.2f} %")
    if OUT.value:
        with_preprocessing(with_probe(model, probe)).save(OUT.value)
        print(f"Keras model: {OUT.value}; its classes: {visible(', '.join(source.class_names))}")


def _batches(model, split, name: str):
    """Normalised batches, with a bar."""
    from tqdm import tqdm

    from zoo.core.forward import normalise
    from zoo.data import eval_batches

    images = model.preprocessing
    size, channels = model.input_shape[1], model.input_shape[3]
    batches = eval_batches(
        split, image_size=size, channels=channels, batch_size=BATCH_SIZE.value,
        eval_resize=images.eval_resize, resizing=images.resizing,
    )
    steps = -(-split.num_examples // BATCH_SIZE.value)
    for pictures, labels, mask in tqdm(batches, name, steps, unit=" batches", disable=None):
        yield normalise(pictures, images.mean, images.std), labels, mask


if __name__ == "__main__":
    run_tool(main, __doc__)
