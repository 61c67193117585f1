"""Runs a module as `python -m` does, in a fork of a process that has TensorFlow imported.

The import takes seconds of a core and the suite starts a hundred programs: here one process a
worker of pytest imports it, once. TensorFlow has not touched its devices or started threads of its
own by then, so the fork is safe, and the program finds everything else as in a new process.

What a new process alone shows needs `subprocess`: what --help loads, signals, variables that
libraries read while they are imported, and results that would differ by the seed of `hash`, which
all forks share.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTES = b"notes of TensorFlow's import\n"

LIBRARIES = ("tensorflow", "keras")

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([*LIBRARIES])


def run_module(
    module: str, *arguments, cwd=ROOT, path=(), timeout=600
) -> subprocess.CompletedProcess:
    """What `python -m module *arguments` in `cwd` returns and writes, with the folders `path` and
    this repository in PYTHONPATH. Raises subprocess.TimeoutExpired after `timeout` seconds."""
    command = [module, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdout", "stderr")]
        process = SERVER.Process(
            target=_run, args=(command, os.fspath(cwd), path, dict(os.environ), *map(str, files))
        )
        process.start()
        process.join(timeout)
        late = process.exitcode is None
        process.kill()
        process.join()
        texts = [path.read_text() if path.exists() else "" for path in files]
    if late:
        raise subprocess.TimeoutExpired(command, timeout, *texts)
    return subprocess.CompletedProcess(command, process.exitcode, *texts)


def _run(command, cwd, folders, environment, out, error):
    """In the fork; `multiprocessing` treats exceptions and SystemExit as the interpreter does."""
    for descriptor, path in enumerate((out, error), start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    # Without the folders of tests that pytest puts there.
    tests = os.path.dirname(__file__)
    path = [entry for entry in sys.path if entry and not entry.startswith(tests)]
    sys.path[:] = [cwd, *folders, str(ROOT), *path]
    sys.meta_path.insert(0, _Imported())
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


class _Imported:
    """Makes modules look as if they had to be imported: the first, with TensorFlow, writes to
    standard error below Python as the real one does, unless the program turns that away."""

    def __init__(self):
        self.modules = {name: sys.modules.pop(name) for name in LIBRARIES}

    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        return ModuleSpec(name, self, loader_state=self.modules[name].__spec__, is_package=True)

    def create_module(self, spec):
        if not self.modules.keys() & sys.modules.keys():
            os.write(2, NOTES)
        return self.modules[spec.name]

    def exec_module(self, module):
        module.__spec__ = module.__spec__.loader_state
