"""Which versions of Keras open the files of save_keras, and with what outputs.

    python -m tools.bench.keras_versions --versions=3.4.1,3.10.0,3.15.1

Each version is installed by pip into a folder of its own, without what it depends on: TensorFlow
and the rest are those of this Python. A process a version opens one model of each family, whose
weights are random numbers, and compares weights, arguments of the layers and outputs. Prints a
Markdown row a model: the largest difference of an output, as a share of the largest output, or
"other weights", "other arguments" or the error where a file does not open as it was.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from absl import flags

from zoo.cli import import_tensorflow, run_tool

# The smallest of each family, lenet5's size where the family has one for digits.
SMALLEST = (
    "alexnet_owt,densenet121,efficientnet_lite0,googlenet_bn,inception_v3,lenet5,mlp,"
    "mobilenet_v1_025,mobilenet_v2_035,mobilenet_v3_small_050,resnet18,resnet18_v2,vgg11_bn,zfnet"
)
VERSIONS = flags.DEFINE_list(
    "versions", "3.4.1,3.10.0,3.13.2,3.14.0,3.15.1", "versions of Keras that open the files"
)
MODELS = flags.DEFINE_list("models", SMALLEST, "names of zoo.list_models() that are saved")
FOLDER = flags.DEFINE_string(
    "folder", "/tmp/keras_versions", "folder of the versions and of the saved models; is kept"
)
PLAIN = flags.DEFINE_boolean("plain", False, "files of model.save instead, for comparison")

# Runs with an older Keras and without this project.
OPENS = """
import hashlib, json, sys
sys.modules["zoo"] = None
import keras, numpy as np

assert keras.__version__ == sys.argv[1], (keras.__version__, keras.__file__)

def differences(new, old, path=""):
    if isinstance(new, dict) and isinstance(old, dict):
        # shared_object_id is an address in memory
        for key in new.keys() & old.keys() - {"shared_object_id"}:
            yield from differences(new[key], old[key], f"{path}.{key}")
    elif new != old:
        yield f"{path}: {old} for {new}"

for name in sys.argv[2:]:
    facts = json.load(open(f"{name}.json"))
    try:
        model = keras.models.load_model(f"{name}.keras")
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}".splitlines()[-1]}))
        continue
    outputs = model.predict(np.load(f"{name}.inputs.npy"), verbose=0)
    expected = np.load(f"{name}.outputs.npy")
    weights = hashlib.sha256(b"".join(np.asarray(w.value).tobytes() for w in model.weights))
    layers = json.loads(model.to_json())["config"]["layers"]
    print(json.dumps({
        "difference": float(np.abs(outputs - expected).max() / np.abs(expected).max()),
        "weights": weights.hexdigest() == facts["weights"],
        "arguments": [
            difference for new, old in zip(facts["layers"], layers, strict=True)
            for difference in differences(new["config"], old["config"], new["config"]["name"])
        ],
    }), flush=True)
"""


def main() -> None:
    folder = Path(FOLDER.value)
    saved = folder / ("plain" if PLAIN.value else "saved")
    saved.mkdir(parents=True, exist_ok=True)
    import_tensorflow()
    from tqdm import tqdm

    for name in tqdm(MODELS.value, unit=" models", disable=None):
        save(name, saved)
    columns = [answers(version, MODELS.value, folder, saved) for version in VERSIONS.value]
    print(f"| model | {' | '.join(VERSIONS.value)} |\n| --- |{' --- |' * len(columns)}")
    for name, *cells in zip(MODELS.value, *columns, strict=True):
        print(f"| {name} | {' | '.join(map(cell, cells))} |")


def save(name: str, folder: Path) -> None:
    """Leaves NAME.keras in `folder`, with NAME.json, NAME.inputs.npy and NAME.outputs.npy."""
    import hashlib

    import numpy as np

    import zoo
    from zoo.export.keras_file import save_keras

    random = np.random.default_rng(0)
    model = zoo.create_model(name)
    for weight in model.weights:
        if len(weight.shape) == 1 and weight.dtype == "float32":  # start as zeros or ones
            weight.assign_add(random.uniform(0.01, 0.1, weight.shape))
    inputs = random.normal(size=(2, *model.input_shape[1:])).astype("float32")
    np.save(folder / f"{name}.inputs.npy", inputs)
    np.save(folder / f"{name}.outputs.npy", model.predict(inputs, verbose=0))
    weights = hashlib.sha256(b"".join(np.asarray(weight).tobytes() for weight in model.weights))
    layers = json.loads(model.to_json())["config"]["layers"]
    (folder / f"{name}.json").write_text(
        json.dumps({"weights": weights.hexdigest(), "layers": layers})
    )
    path = folder / f"{name}.keras"
    model.save(path) if PLAIN.value else save_keras(model, path)


def answers(version: str, names: list[str], folder: Path, saved: Path) -> list[dict]:
    """What the Keras of that version made of each file; installs it first where it is missing."""
    library = folder / version
    if not library.exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", library,
             f"keras=={version}"],
            check=True,
        )
    done = subprocess.run(
        [sys.executable, "-c", OPENS, version, *names], cwd=saved, check=True,
        stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(library), "KERAS_BACKEND": "tensorflow"},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def cell(answer: dict) -> str:
    """Of the table: a number where weights and arguments are the same."""
    if "error" in answer:
        return answer["error"][:90]
    if not answer["weights"]:
        return "other weights"
    return f"other arguments: {answer['arguments'][0]}" if answer["arguments"] else (
        f"{answer['difference']:.0e}"
    )


if __name__ == "__main__":
    run_tool(main, __doc__)
