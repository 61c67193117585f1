"""Trains the zoo's `lenet` by MXNet, the system that arXiv 1812.01187 used, to measure against.

    python -m tools.bench.digits --data=idx:DIR --mxnet_python=ENVIRONMENT/bin/python

MXNet needs an environment of its own, of Python 3.8 to 3.11, in which the zoo cannot be
imported: `pip install numpy==1.23.5 mxnet==1.9.1 absl-py`. So this file imports nothing of the
zoo, and takes the digits from the file that tools/bench/digits.py writes. Same network, images
and batch as tools/bench/keras_fit.py, momentum at a constant rate (MXNet's NAG diverges at it),
images in memory, the graph compiled once (hybridized, static). Prints a JSON line an epoch: seconds
of wall clock since training began (compilation and evaluations included), validation top-1.
"""

import json
import time

import mxnet as mx
import numpy as np
from absl import app, flags
from mxnet import autograd, gluon

DATA = flags.DEFINE_string(
    "data", None, "an .npz file of train_images, train_labels, validation_images, "
    "validation_labels: uint8 [N, 28, 28, 1], int32 [N]", required=True,
)
EPOCHS = flags.DEFINE_integer("epochs", 4, "passes over the training images", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "images a step", lower_bound=1)
LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.05, "constant")
SEED = flags.DEFINE_integer("seed", 0, "of initialisation and order")


def main(_) -> None:
    mx.random.seed(SEED.value)
    np.random.seed(SEED.value)  # the order of NDArrayIter
    digits = np.load(DATA.value)

    def batches(name, shuffle):
        images = digits[f"{name}_images"].transpose(0, 3, 1, 2).astype(np.float32)
        return mx.io.NDArrayIter(
            (images - 33.3) / 78.6, digits[f"{name}_labels"].astype(np.float32), BATCH_SIZE.value,
            shuffle=shuffle, last_batch_handle="discard" if shuffle else "pad",
        )

    train, validation = batches("train", True), batches("validation", False)
    network = gluon.nn.HybridSequential()
    network.add(
        gluon.nn.Conv2D(64, 5, activation="relu"), gluon.nn.MaxPool2D(2),
        gluon.nn.Conv2D(32, 5, activation="relu"), gluon.nn.MaxPool2D(2),
        gluon.nn.Dense(512, activation="relu"), gluon.nn.Dense(10),
    )
    network.initialize(mx.init.Xavier())
    network.hybridize(static_alloc=True, static_shape=True)
    cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(
        network.collect_params(), "sgd", {"learning_rate": LEARNING_RATE.value, "momentum": 0.9}
    )
    started = time.perf_counter()
    for epoch in range(1, EPOCHS.value + 1):
        train.reset()
        for batch in train:
            with autograd.record():
                loss = cross_entropy(network(batch.data[0]), batch.label[0])
            loss.backward()
            trainer.step(BATCH_SIZE.value)
        validation.reset()
        correct = 0
        for batch in validation:
            kept = BATCH_SIZE.value - batch.pad
            predicted = network(batch.data[0]).argmax(axis=1).asnumpy()[:kept]
            correct += int((predicted == batch.label[0].asnumpy()[:kept]).sum())
        print(json.dumps({
            "epoch": epoch, "seconds": time.perf_counter() - started,
            "top_1": correct / len(digits["validation_labels"]),
        }), flush=True)


if __name__ == "__main__":
    app.run(main)
