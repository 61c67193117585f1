"""Trains a zoo model by Keras' own Model.fit: what the zoo's trainer is measured against.

    python -m tools.bench.keras_fit --model=lenet5 --data=mnist5k --epochs=2

Same data, same order of magnitude of everything, under MirroredStrategy: NAG (without weight
decay) along a cosine, or Adam as Keras' own examples have it. Prints a JSON line an epoch:
seconds of wall clock since fit began (compilation and evaluations included), training loss,
validation top-1.
"""

import json
import time

from absl import flags

from zoo.cli import import_tensorflow, run_tool
from zoo.recipe.checks import PRECISIONS

MODEL = flags.DEFINE_string("model", "lenet5", "architecture")
WIDTH = flags.DEFINE_float("width", None, "width of a ResNet; default: none given")
DATA = flags.DEFINE_string("data", "mnist5k", "grey images: mnist5k or idx:DIR")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 28, "side of the images, pixels")
EPOCHS = flags.DEFINE_integer("epochs", 1, "passes over the training images", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "images a step", lower_bound=1)
OPTIMIZER = flags.DEFINE_enum(
    "optimizer", "nag", ["nag", "adam"],
    "nag: momentum 0.9, cosine from --learning_rate to 0; adam: with Keras' defaults, constant",
)
LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.05, "of nag, at the start")
SEED = flags.DEFINE_integer("seed", 0, "of initialisation and order")
PRECISION = flags.DEFINE_enum("precision", "float32", PRECISIONS, "Keras dtype policy")
XLA = flags.DEFINE_enum("xla", "auto", ["auto", "on", "off"], "fit's jit_compile")
DEVICES = flags.DEFINE_integer("virtual_devices", 1, "logical CPU devices", lower_bound=1)


def main() -> None:
    import_tensorflow()
    import keras
    import tensorflow as tf

    import zoo
    from zoo.core import runtime
    from zoo.data import open_source
    from zoo.data.crop import resize

    runtime.configure(
        precision=PRECISION.value, virtual_devices=DEVICES.value, deterministic=False,
        seed=SEED.value,
    )
    splits = open_source(DATA.value).splits

    def arrays(name):
        images = resize(tf.constant(splits[name].images), IMAGE_SIZE.value)
        return (tf.cast(images, tf.float32).numpy() - 33.3) / 78.6, splits[name].labels

    x, y = arrays("train")
    options = {} if WIDTH.value is None else {"width": WIDTH.value}
    with runtime.make_strategy().scope():
        shape = (IMAGE_SIZE.value, IMAGE_SIZE.value, 1)
        model = zoo.create_model(MODEL.value, num_classes=10, input_shape=shape, **options)
        schedule = keras.optimizers.schedules.CosineDecay(
            LEARNING_RATE.value, EPOCHS.value * (len(x) // BATCH_SIZE.value)
        )
        optimizers = {
            "nag": keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True),
            "adam": keras.optimizers.Adam(),
        }
        model.compile(
            optimizers[OPTIMIZER.value],
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile={"auto": "auto", "on": True, "off": False}[XLA.value],
        )
    started = time.perf_counter()

    def tell(epoch, logs):
        print(json.dumps({
            "epoch": epoch + 1, "seconds": time.perf_counter() - started,
            "train_loss": logs["loss"], "top_1": logs["val_accuracy"],
        }), flush=True)

    model.fit(
        x, y, batch_size=BATCH_SIZE.value, epochs=EPOCHS.value, verbose=0,
        validation_data=arrays("validation"),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=tell)],
    )


if __name__ == "__main__":
    run_tool(main, __doc__)
