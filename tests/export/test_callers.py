"""A run's SavedModel called by TensorFlow's command line, by a program in C, and over a network."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from launch import ROOT, run_module
from PIL import Image
from serving_server import serve

import zoo

sys.path.append(str(ROOT / "examples"))
import classify_grpc
import classify_rest


@pytest.fixture(scope="module")
def version(finished_run):
    return str(finished_run / "export" / "1")


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    """Digits as PNG files, whose pixels are the network's images."""
    folder = tmp_path_factory.mktemp("files")
    for number, image in enumerate(digits[0][:4]):
        Image.fromarray(image[..., 0]).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def expected(finished_run, digits):
    """Probabilities by the Keras model."""
    model = zoo.load_model(finished_run)
    logits = model.predict(zoo.preprocess_input(digits[0][:4], model), verbose=0)
    return tf.nn.softmax(logits).numpy()


def cli(*arguments) -> str:
    """`saved_model_cli`, the command that TensorFlow's wheel installs."""
    done = run_module("tensorflow.python.tools.saved_model_cli", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shown(version):
    return cli("show", "--dir", version, "--all")


def test_saved_model_cli(version, shown, digits, expected, tmp_path):
    signatures = re.findall(r"^signature_def\['(\w+)'\]", shown, re.MULTILINE)
    assert set(signatures) - {"__saved_model_init_op"} == {
        "encoded", "examples", "serving_default", "uint8", "without_names"
    }
    assert "dtype: DT_UINT8\n        shape: (-1, 28, 28, 1)" in shown
    assert "outputs['top_5_class_names'] tensor_info:\n        dtype: DT_STRING\n" in shown
    np.save(tmp_path / "images.npy", digits[0][:4])
    cli("run", "--dir", version, "--tag_set", "serve", "--signature_def", "uint8", "--inputs",
        f"images={tmp_path / 'images.npy'}", "--outdir", tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "probabilities.npy"), expected, atol=2e-6)


def test_a_program_in_c(version, shown, files, expected, tmp_path):
    """Built against the library in TensorFlow's wheel; neither Python nor Keras is in it."""
    wheel = Path(tf.sysconfig.get_lib())
    faster = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []  # 2 s, not 8
    subprocess.run(
        ["gcc", "-Wall", "-Werror", Path(__file__).with_name("classify.c"), "-o",
         tmp_path / "classify", "-isystem", tf.sysconfig.get_include(), f"-L{wheel}",
         "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", f"-Wl,-rpath,{wheel}",
         *faster],
        check=True,
    )
    (tmp_path / "text.jpg").write_text("no image")
    encoded = shown.partition("signature_def['encoded']")[2].partition("Method name")[0]
    names = dict(re.findall(r"puts\['(\w+)'\].*?name: (\S+)", encoded, re.DOTALL))
    done = subprocess.run(
        [tmp_path / "classify", version,
         *(names[name] for name in ("image_bytes", "class_index", "class_name", "probabilities")),
         files[0], tmp_path / "text.jpg", files[1]],
        capture_output=True, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr
    first, error, second = done.stdout.splitlines()
    for line, want in ((first, expected[0]), (second, expected[1])):
        index, name, share = line.split()
        assert int(index) == want.argmax() and name == index
        assert float(share) == pytest.approx(want.max(), abs=3e-6)
    assert "image 0 of the batch, counted from 0, cannot be read: no JPEG, PNG" in error


def test_clients_of_a_server(version, files, expected, tmp_path, capsys):
    """The examples, and a server of TensorFlow Serving's protocols in this process."""
    contents = [file.read_bytes() for file in files]
    large = io.BytesIO()
    Image.open(files[0]).resize((280, 280)).convert("RGB").save(large, "JPEG")
    with serve(version, "digits") as (rpc_port, rest_port):
        model = f"http://127.0.0.1:{rest_port}/v1/models/digits"
        rows = classify_rest.classify(model, contents)
        arrays = classify_grpc.classify(f"127.0.0.1:{rpc_port}", "digits", contents)
        for probabilities in (arrays["probabilities"], [row["probabilities"] for row in rows]):
            np.testing.assert_allclose(probabilities, expected, atol=2e-6)
        assert [row["class_name"].encode() for row in rows] == arrays["class_name"].tolist()
        assert rows[0]["top_5_class_indices"] == arrays["top_5_class_indices"][0].tolist()
        wrong = "image 1 of the batch, counted from 0, cannot be read: empty"
        with pytest.raises(RuntimeError, match=wrong):
            classify_rest.classify(model, [contents[0], b""])
        with pytest.raises(grpc.RpcError) as refused:
            classify_grpc.classify(f"127.0.0.1:{rpc_port}", "digits", [contents[0], b""])
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert wrong in refused.value.details()
        mixed = [large.getvalue(), contents[0]]  # of two sizes and kinds
        assert len(classify_rest.classify(model, mixed)) == 2
        classify_rest.main(model, str(files[0]), str(files[1]))
        classify_grpc.main(f"127.0.0.1:{rpc_port}", "digits", str(files[0]), str(files[1]))
    first, second, *same = capsys.readouterr().out.splitlines()
    assert same == [first, second]
    assert first == f"{files[0]} {expected[0].argmax()} {expected[0].max():.1%}"
