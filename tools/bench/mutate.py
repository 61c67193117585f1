"""Mutation testing: which of many small changes to a file do the tests of its folder notice.

    python -m tools.bench.mutate --files=zoo/core/loss_scale.py --out=/tmp/mutants.jsonl
    python -m tools.bench.mutate --out=/tmp/mutants.jsonl --table

The first changes a copy of the project, one place at a time (mutants.py), runs the tests below and
adds a line of JSON to --out for each change. A change that has its line is not run again: to try
survivors with new tests, take their lines out (grep -v '"noticed_by": null'). The second command
prints Markdown: a row a file, and what survived. A change by which the tests never end counts as
noticed. One process: it imports TensorFlow once and forks a child for each change, on one core.

Survivors that cannot be noticed ("equivalent") or need not be ("accepted") are listed with their
reason in mutate_survivors.tsv: file, line of text, change, kind, reason.
"""

import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from absl import flags

from tools.bench.mutant_results import append, identity, read, reasons, table
from tools.bench.mutants import Mutant, mutants
from zoo.cli import run_tool

# Tests by file, the fastest first: the first failure ends a run.
TESTS = {
    "zoo/core/step.py": "core/test_update.py core/test_step_by_hand.py core/test_step_options.py "
                        "core/test_step.py core/test_phases.py",
    "zoo/core/gradients.py": "core/test_gradients.py core/test_step_by_hand.py "
                             "core/test_step_options.py core/test_recompute.py",
    "zoo/core/state.py": "core/test_state.py core/test_step_by_hand.py core/test_step_options.py",
    "zoo/core/optimizer.py": "core/test_optimizer.py core/test_update.py core/test_checks.py",
    **dict.fromkeys(
        (f"zoo/core/update_rules/{name}.py"
         for name in ("rule", "momentum", "adaptive", "layerwise", "lion", "muon",
                      "schedule_free")),
        "core/test_optimizer.py core/test_update_rules.py",
    ),
    "zoo/core/averaging.py": "core/test_averaging.py core/test_checks.py "
                             "core/test_swa_statistics.py",
    "zoo/core/loss_scale.py": "core/test_loss_scale.py",
    "zoo/core/losses.py": "core/test_losses.py core/test_step_options.py",
    "zoo/core/schedule.py": "core/test_schedule.py",
    "zoo/core/decay.py": "core/test_schedule.py core/test_optimizer.py core/test_averaging.py",
    "zoo/data/crop.py": "data/test_data_crop.py data/test_data_resize.py data/test_data_views.py "
                        "data/test_data_native.py data/test_data_orientation.py",
    "zoo/data/order.py": "data/test_data_order.py",
    "zoo/evaluate/exact.py": "evaluate/test_exact.py evaluate/test_several_views.py",
    "zoo/runs/checkpoints.py": "runs/test_checkpoints.py",
    "zoo/weights/artefact.py": "weights/test_artefact.py",
    "zoo/weights/card.py": "weights/test_artefact.py weights/test_run_preprocessing.py",
    "zoo/weights/convert.py": "weights/test_readers.py weights/test_readers_broken.py "
                              "weights/test_keras_vgg.py weights/test_keras_densenet.py "
                              "weights/test_create.py weights/test_shipped.py",
    "zoo/weights/preprocessing.py": "weights/test_preprocessing.py weights/test_tensors.py "
                                    "weights/test_run_preprocessing.py weights/test_catalogue.py",
}
FILES = flags.DEFINE_list("files", list(TESTS), "files to change, of those in TESTS")
OUT = flags.DEFINE_string("out", "mutants.jsonl", "file of the results; is added to")
COUNT = flags.DEFINE_integer("count", 0, "changes a file, drawn at random; 0: all of them")
SEED = flags.DEFINE_integer("seed", 0, "seed of the draw")
TABLE = flags.DEFINE_boolean("table", False, "print what --out holds instead")


def main() -> None:
    root, out = Path.cwd(), Path(OUT.value).absolute()
    if unknown := set(FILES.value) - TESTS.keys():
        raise ValueError(f"--files: got {min(unknown)}; expected some of {', '.join(TESTS)}")
    if TABLE.value:
        print(table(of_today(read(out), root), reasons()))
        return
    # Once, for all children; nothing of this project, which is what changes.
    import hypothesis  # noqa: F401
    import keras  # noqa: F401
    import pytest  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import tensorflow  # noqa: F401
    from tqdm import tqdm

    with tempfile.TemporaryDirectory() as folder:
        tree = copy_tree(root, Path(folder) / "tree")
        for file in FILES.value:
            source = (tree / file).read_text()
            done = {result["id"] for result in read(out)}
            todo = [each for each in chosen(source) if identity(file, each) not in done]
            if not todo:
                continue
            limit = 60 + 3 * seconds_unchanged(tree, file)
            for mutant in tqdm(todo, desc=file, unit=" changes", disable=None):
                (tree / file).write_text(mutant.source)
                started = time.monotonic()
                noticed_by = run_tests(tree, file, limit)
                (tree / file).write_text(source)
                append(out, file, mutant, noticed_by, time.monotonic() - started)


def copy_tree(root: Path, to: Path) -> Path:
    """What tests need; no compiled files, which Python tells apart by time and size alone."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache")

    def left_out(folder: str, names: list[str]) -> set[str]:
        at_root = {".git", "runs"} if Path(folder) == root else set()  # zoo/runs is code
        return ignored(folder, names) | at_root & set(names)

    return Path(shutil.copytree(root, to, ignore=left_out, symlinks=True))


def chosen(source: str) -> list[Mutant]:
    found = mutants(source)
    if not COUNT.value or COUNT.value >= len(found):
        return found
    kept = sorted(random.Random(SEED.value).sample(range(len(found)), COUNT.value))
    return [found[index] for index in kept]


def seconds_unchanged(tree: Path, file: str) -> float:
    """How long the file's tests take. Raises ValueError where they fail without any change."""
    started = time.monotonic()
    if failed := run_tests(tree, file, 3600):
        told = (tree / "mutate.log").read_text(errors="replace")[-2000:]
        raise ValueError(f"{file}: unchanged, {failed} fails; expected tests that pass: {told}")
    return time.monotonic() - started


def run_tests(tree: Path, file: str, limit: float) -> str | None:
    """The first test that fails, "time-out" after `limit` seconds, or None where all pass."""
    log = tree / "mutate.log"
    child = os.fork()
    if child == 0:
        os.setsid()  # its own programs end with it
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        try:
            status = _pytest(tree, file)
        except BaseException:
            traceback.print_exc()
            status = 70
        os._exit(status)
    deadline = time.monotonic() + limit
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    late = ended[0] == 0
    with contextlib.suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(child, signal.SIGKILL)
    if late:
        os.waitpid(child, 0)
        return "time-out"
    if ended[1] == 0:
        return None
    lines = log.read_text(errors="replace").splitlines()
    failed = [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return failed[0] if failed else f"process ended with status {ended[1]}"


def _pytest(tree: Path, file: str) -> int:
    """In the child, whose modules of this project are those of the copy."""
    import pytest

    os.chdir(tree)
    for name in [name for name in sys.modules if name.split(".")[0] in ("zoo", "tools")]:
        del sys.modules[name]
    sys.path[:] = [str(tree), *sys.path[1:]]
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    paths = [f"tests/{name}" for name in TESTS[file].split() if (tree / "tests" / name).exists()]
    options = ["-x", "-q", "-n", "0", "--tb=no", "-p", "no:cacheprovider", "--no-header"]
    return int(pytest.main([*options, *paths]))


def of_today(results: list[dict], root: Path) -> list[dict]:
    """Those of the files as they are now."""
    known = {
        identity(file, mutant) for file in TESTS for mutant in mutants((root / file).read_text())
    }
    return [result for result in results if result["id"] in known]


if __name__ == "__main__":
    run_tool(main, __doc__)
