"""python -m tools.export, as a user calls it."""

import functools
import shutil

import pytest
from launch import run_module

import zoo.weights

export = functools.partial(run_module, "tools.export")


def test_writes_a_version_and_says_how_to_call_it(finished_run, tmp_path):
    done = export(f"--run_dir={finished_run}", f"--out={tmp_path / 'models'}")
    assert done.returncode == 0, done.stderr
    version = tmp_path / "models" / "1"
    assert f"SavedModel: {version}" in done.stdout
    assert (version / "saved_model.pb").stat().st_size > 1000
    assert "tf.saved_model.load" in done.stdout


def test_another_evaluation_than_the_run_leaves(finished_run, tmp_path):
    model = zoo.weights.load_evaluation(finished_run, "best")
    assert model.class_names == tuple("0123456789") and model.card.accuracies == {}
    begun = shutil.copytree(finished_run, tmp_path / "begun")
    shutil.rmtree(begun / "best")
    with pytest.raises(ValueError, match="begun has no checkpoint of the best evaluation yet"):
        zoo.weights.load_evaluation(begun, "best")


def test_published_weights_in_another_format(tmp_path):
    out = tmp_path / "models"
    done = export("--weights=mnist", "--model=lenet5", f"--out={out}", "--format=litert",
                  "--precision=int8", "--data=mnist5k", "--images=50", "--representative=20")
    assert done.returncode == 0, done.stderr
    assert f"litert: {out / '1'}" in done.stdout
    assert "checked on 50 images (validation of mnist5k)" in done.stdout
    assert "top-1 on them: Keras model 100.00%, exported 100.00%" in done.stdout
    assert {path.name for path in (out / "1").iterdir()} == {
        "model.tflite", "export.json", "README.md"
    }


def test_errors_are_one_line(tmp_path):
    out = f"--out={tmp_path / 'models'}"
    for arguments, told in (
        ([f"--run_dir={tmp_path}", out], "--run_dir: "),
        ([out], "expected one of --run_dir and --weights"),
        (["--weights=imagenet", out, "--format=h5"], "--format: got 'h5'"),
        (["--weights=mnist", out, "--format=onnx", "--precision=int8"], "expected --data"),
        ([f"--run_dir={tmp_path}", out, "--outt=x"], "outt"),
    ):
        done = export(*arguments)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("error: ") and told in done.stderr
        assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
