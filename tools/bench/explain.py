"""Measures explanations: python -m tools.bench.explain

    PYTHONPATH=/tmp/eli5 python -m tools.bench.explain --part=grad_cam
    python -m tools.bench.explain --part=integrated_gradients --images=photos

grad_cam: for a model of each family the largest difference to eli5's Grad-CAM, both divided by
their maximum; eli5 0.16 with its dependencies tabulate and graphviz lies in a folder of its own
(pip install --no-deps --target=/tmp/eli5 eli5==0.16.0 tabulate graphviz).
integrated_gradients: of EfficientNet-Lite0 for photographs, how far the sum is from the difference
of the logits, and the same of equal pieces.
"""

import time

from absl import flags

from zoo.cli import import_tensorflow, run_tool

PART = flags.DEFINE_enum("part", None, ["grad_cam", "integrated_gradients"], "of the above",
                         required=True)
IMAGES = flags.DEFINE_list("images", [], "files or folders of photographs")

# One of each family; None: new weights.
MODELS = {
    "lenet5": "mnist", "alexnet_owt": None, "zfnet": None, "vgg11_bn": None, "googlenet_bn": None,
    "inception_v3": None, "resnet50d": None, "resnet50_v2": None, "densenet121": None,
    "mobilenet_v1_100": None, "mobilenet_v2_100": None, "mobilenet_v3_large_100": None,
    "efficientnet_lite0": "imagenet",
}


def main() -> None:
    import_tensorflow()
    (grad_cam_table if PART.value == "grad_cam" else integrated_gradients_table)()


def grad_cam_table() -> None:
    import eli5
    import keras
    import numpy as np

    import zoo
    from zoo.explain import grad_cam
    from zoo.explain.activation_maps import enlarged
    from zoo.explain.graph import Graph

    print("| model | weights | layer | largest difference |\n| --- | --- | --- | ---: |")
    for name, weights in MODELS.items():
        keras.utils.set_random_seed(1)
        model = zoo.create_model(name, weights=weights)
        images = np.random.default_rng(0).standard_normal((1, *model.input_shape[1:]), "float32")
        call = Graph(model).map_of(None)
        layer = call.operation
        heatmap = eli5.explain_prediction(model, images, layer=layer).targets[0].heatmap
        expected = enlarged(heatmap[None].astype("float32"), images.shape[1:3])
        found = grad_cam(model, images)
        difference = np.abs(found / max(found.max(), 1e-30) - expected / max(expected.max(), 1e-30))
        print(f"| {name} | {weights or 'new'} | {call.name} | {difference.max():.1e} |", flush=True)


def integrated_gradients_table() -> None:
    import numpy as np

    import zoo
    from zoo.evaluate.predict import find_images
    from zoo.explain import gradients

    model = zoo.create_model("efficientnet_lite0", weights="imagenet")
    print("| photograph | class | logit minus the baseline's | sum is off by | gradients | seconds "
          "| equal pieces, as many |\n| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for path in find_images(IMAGES.value)[0]:
        image = zoo.preprocess_input(path.read_bytes(), model)
        logits, base = (np.asarray(model(x))[0] for x in (image, np.zeros_like(image)))
        own = int(logits.argmax())
        counted = _Counted(gradients._logit_and_gradient)
        gradients._logit_and_gradient = counted.made
        start = time.perf_counter()
        found = gradients.integrated_gradients(model, image)
        seconds = time.perf_counter() - start
        gradients._logit_and_gradient = counted.original
        difference = float(logits[own] - base[own])
        off = 100 * (found.sum(dtype="float64") / difference - 1)
        steps = counted.count - 9  # the first nine were for the logits at the edges
        equal = _equal_pieces(counted, image, own, steps)
        print(f"| {path.stem} | {model.class_names[own]} | {difference:.2f} | {off:+.2f} % | "
              f"{steps} | {seconds:.0f} | {100 * (equal / difference - 1):+.1f} % |", flush=True)


class _Counted:
    """Counts the images that gradients are taken of."""

    def __init__(self, original):
        self.original, self.count = original, 0

    def made(self, graph, shape):
        self.function = self.original(graph, shape)

        def counting(images, classes):
            self.count += len(images)
            return self.function(images, classes)

        return counting


def _equal_pieces(counted, image, own: int, steps: int) -> float:
    import numpy as np

    total, shares = 0.0, (np.arange(steps) + 0.5) / steps
    for some in np.array_split(shares, -(-steps // 8)):
        points = (some[:, None, None, None] * image).astype("float32")
        _, found = counted.function(points, np.full(len(some), own, "int32"))
        total += float((found.numpy().astype(float) * image).sum()) / steps
    return total


if __name__ == "__main__":
    run_tool(main, __doc__)
