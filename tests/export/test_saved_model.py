"""The exported model, loaded by processes that have TensorFlow and nothing of this project."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from launch import run_module
from PIL import Image

import zoo
from zoo.data import open_source
from zoo.export.exporting import export_model, usage
from zoo.program import stoppable

# None in sys.modules: Python then finds no such module, as where it is not installed.
ONLY_TENSORFLOW = """
import sys
sys.modules["keras"] = sys.modules["zoo"] = None
import json
import numpy as np
import tensorflow as tf
path, images, files = sys.argv[1], np.load("images.npy"), sys.argv[2:]

signatures = tf.saved_model.load(path).signatures
whole = signatures["serving_default"](images=tf.constant(images))
one = signatures["serving_default"](images=tf.constant(images[:1]))
encoded = signatures["encoded"](image_bytes=tf.constant([open(f, "rb").read() for f in files]))

with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], path)
    signature = meta.signature_def["serving_default"]
    fetched = session.run(
        [signature.outputs["probabilities"].name, signature.outputs["class_name"].name],
        {signature.inputs["images"].name: images},
    )

print(json.dumps({
    "images": whole["probabilities"].numpy().tolist(), "one": one["probabilities"].shape[0],
    "encoded": encoded["probabilities"].numpy().tolist(),
    "index": encoded["class_index"].numpy().tolist(),
    "name": [name.decode() for name in encoded["class_name"].numpy()],
    "graph": fetched[0].tolist(), "graph_name": [name.decode() for name in fetched[1]],
}))
"""


@pytest.fixture(scope="module")
def digits():
    split = open_source("mnist5k").splits["validation"]
    return split.images[::25], split.labels[::25]


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    """The digits as JPEG and PNG files of several sizes and shapes; PNG of 28x28 is exact."""
    folder = tmp_path_factory.mktemp("files")
    paths = []
    for number, image in enumerate(digits[0]):
        picture = Image.fromarray(image[:, :, 0])
        if number % 4 == 1:
            picture = picture.resize((56, 56)).convert("RGB")
        if number % 4 == 2:
            picture = picture.convert("RGB").resize((140, 140), Image.Resampling.BICUBIC)
        if number % 4 == 3:
            wide = Image.new("L", (40, 28))
            wide.paste(picture, (6, 0))
            picture = wide
        path = folder / f"{number:03d}.{'jpg' if number % 4 == 2 else 'png'}"
        picture.save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def expected(finished_run, digits):
    """Probabilities by the Keras model and plain NumPy, for the digits as they are."""
    model = zoo.load_model(finished_run)
    known = model.preprocessing
    x = (digits[0].astype("float32") - np.float32(known.mean)) / np.float32(known.std)
    logits = model.predict(x, verbose=0).astype("float64")
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def answer(finished_run, digits, files, tmp_path_factory):
    """Of a process with TensorFlow alone, which then runs the lines that the export prints."""
    folder = tmp_path_factory.mktemp("alone")
    np.save(folder / "images.npy", digits[0].astype("float32"))
    (folder / "photo.jpg").write_bytes(files[2].read_bytes())
    version = finished_run / "export" / "1"
    done = subprocess.run(
        [sys.executable, "-c", ONLY_TENSORFLOW + usage(version), version, *files],
        cwd=folder, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    *_, answers, named = done.stdout.splitlines()
    return json.loads(answers) | {"usage": named}


def test_both_signatures_in_a_process_with_tensorflow_alone(
    finished_run, digits, expected, answer
):
    np.testing.assert_allclose(answer["images"], expected, atol=2e-6)
    assert answer["one"] == 1
    encoded = np.array(answer["encoded"])
    # Files 0, 4, 8 ... hold the very pixels, and 3, 7, 11 ... in the middle of a wider image.
    np.testing.assert_allclose(encoded[::4], expected[::4], atol=2e-6)
    np.testing.assert_allclose(encoded[3::4], expected[3::4], atol=2e-6)
    assert np.mean(encoded.argmax(axis=1) == digits[1]) > 0.8
    assert answer["index"] == encoded.argmax(axis=1).tolist()
    names = (finished_run / "classes.txt").read_text().split()
    assert answer["name"] == [names[index] for index in answer["index"]]


def test_the_graph_loader_that_servers_use(expected, answer):
    """TensorFlow Serving restores by the saver and the init operation in the file."""
    np.testing.assert_allclose(answer["graph"], expected, atol=2e-6)
    assert len(answer["graph_name"]) == len(expected) and all(answer["graph_name"])


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_tensorflow_lite_runs_the_signature_without_names(finished_run, digits, expected):
    path = str(finished_run / "export" / "1")
    assert sorted(tf.saved_model.load(path).signatures) == [
        "encoded", "examples", "serving_default", "uint8", "without_names"
    ]
    converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["without_names"])
    run = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    for images in (digits[0][:1], digits[0]):
        answer = run(images=images.astype("f4"))
        assert sorted(answer) == ["class_index", "probabilities"]
        np.testing.assert_allclose(answer["probabilities"], expected[: len(images)], atol=2e-6)
        np.testing.assert_array_equal(answer["class_index"], expected[: len(images)].argmax(1))


def test_the_three_lines_of_usage_run(answer):
    assert "b'" in answer["usage"]


@pytest.mark.parametrize("name", ["out [1]", "a\\b", "x*", "it's"])
def test_the_lines_of_usage_run_where_the_folder_reads_as_a_pattern(
    name, finished_run, files, tmp_path, monkeypatch, capsys
):
    """In this process; TensorFlow itself finds no variables under such a name."""
    shutil.copytree(finished_run / "export" / "1", tmp_path / name / "1")
    (tmp_path / "photo.jpg").write_bytes(files[2].read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(usage(Path(name) / "1"), {})
    assert "b'" in capsys.readouterr().out


def test_class_names_are_an_asset(finished_run):
    asset = finished_run / "export" / "1" / "assets" / "classes.txt"
    assert asset.read_text() == (finished_run / "classes.txt").read_text()
    assert len(asset.read_text().split()) == 10


def test_a_run_checks_what_it_exports(finished_run):
    record = json.loads((finished_run / "export" / "1" / "export.json").read_text())
    check = record["check"]
    assert (check["images"], check["of"]) == (64, "validation of mnist5k")
    assert check["largest_difference"] < 2e-6 and check["label_agreement"] == 1
    assert check["accuracy"]["keras"] == check["accuracy"]["exported"] > 0.8
    card = (finished_run / "export" / "1" / "README.md").read_text()
    for text in ("mnist5k", "recipes.lenet5", "validation: ", "tf.saved_model.load"):
        assert text in card, text


def test_a_class_name_that_would_be_two_lines_of_the_asset_is_refused(finished_run, tmp_path):
    model = zoo.load_model(finished_run)
    model.class_names = (*model.class_names[:9], "ni\nne")
    with pytest.raises(ValueError, match="class name 'ni.*ne', which is not one line"):
        export_model(model, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_versions_count_up_and_nothing_is_left_aside(finished_run, tmp_path):
    model = zoo.load_model(finished_run)
    assert export_model(model, tmp_path / "models") == tmp_path / "models" / "1"
    (tmp_path / "models" / "7").mkdir()
    assert export_model(model, tmp_path / "models") == tmp_path / "models" / "8"
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["1", "7", "8"]


def test_what_killed_exports_have_left_goes_and_that_of_living_ones_stays(finished_run, tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    host = socket.gethostname()
    left = [f".aside-{host}-{dead.pid}-0", f".aside-{host}-{os.getpid()}-99", ".aside-other-1-0"]
    for name in left:
        (tmp_path / "models" / name / "model").mkdir(parents=True)
    export_model(zoo.load_model(finished_run), tmp_path / "models")
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"1", *left[1:]}


def test_a_signal_while_exporting_leaves_nothing_half_written(finished_run, tmp_path):
    model = zoo.load_model(finished_run)
    handler = signal.getsignal(signal.SIGTERM)

    def kill():
        while not list(tmp_path.glob("models/.aside-*")):
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        threading.Thread(target=kill).start()
        with pytest.raises(SystemExit) as stopped, stoppable():
            export_model(model, tmp_path / "models")
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert not list((tmp_path / "models").iterdir())


def test_errors(finished_run, tmp_path):
    with pytest.raises(ValueError, match="got 'lenet5' without preprocessing; expected a model of"):
        export_model(zoo.create_model("lenet5"), tmp_path / "models")
    softmax = zoo.create_model(weights=finished_run, classifier_activation="softmax")
    with pytest.raises(ValueError, match="with classifier_activation='softmax'; expected None"):
        export_model(softmax, tmp_path / "models")
    diverged = zoo.load_model(finished_run)
    for weight in diverged.weights[-2:-1]:
        weight.assign(weight * float("inf"))
    with pytest.raises(ValueError, match="a value of head_dense/kernel that is not finite; exp"):
        export_model(diverged, tmp_path / "models")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file; expected a folder"):
        export_model(zoo.load_model(finished_run), tmp_path / "file")
    assert not (tmp_path / "models").exists()


def test_keras_model_of_the_run_needs_no_zoo(finished_run, digits, expected, tmp_path):
    """model.keras opens where there is Keras and no zoo."""
    np.save(tmp_path / "images.npy", digits[0].astype("float32"))
    (tmp_path / "program.py").write_text("""
import sys
sys.modules["zoo"] = None
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
images = (np.load(sys.argv[2]) - 33.3) / 78.6
np.save(sys.argv[3], keras.ops.softmax(model(images)))
""")
    out = tmp_path / "out.npy"
    done = run_module(
        "program", finished_run / "model.keras", tmp_path / "images.npy", out, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(out), expected, atol=2e-6)
