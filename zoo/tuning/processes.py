"""Runs of recipes, each in a process of its own, some at a time.

Precision policy, threads and seeds are settings of a whole process, and TensorFlow gives no memory
back, so a run in a used process would not be the run that its command gives.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from zoo.program import SECONDS_OF_ONE_SIGNAL, Stopped

SECONDS_BETWEEN_LOOKS = 0.2


@dataclass
class Job:
    """A command that trains into `folder`; what it prints goes to FOLDER.log beside it."""

    command: list[str]
    folder: Path
    stopped: bool = False  # asked to end, by `watch` or by a signal to this process

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")

    def last_words(self, code: int) -> str:
        """Why it ended with this exit code: the error in the log, or else its last line."""
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line]
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return (errors or lines or [f"exit code {code}"])[-1]


def run_all(
    jobs: Iterator[Job], *, at_once: int, threads: int | None,
    watch: Callable[[Job], bool], ended: Callable[[Job, int], None],
) -> int:
    """Runs the jobs, taking the next whenever fewer than `at_once` run.

    watch: called for each running job several times a second, and once after it has ended; where
      it returns True the job is stopped by SIGTERM, which leaves a checkpoint.
    ended: called with a job's exit code (negative: the signal that ended it).
    threads: for the computations of each job; None: TensorFlow's choice.

    The GPUs that this process sees are shared out among the jobs that run at once.

    Returns 0, or 128 + the signal (interrupt, terminate) that stopped all; a later one kills.
    """
    signals: list[tuple[int, float]] = []  # and when they came
    handlers = {
        number: signal.signal(number, lambda number, _: _note_signal(signals, number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    running: dict[int, tuple[Job, subprocess.Popen]] = {}  # by place, 0..at_once - 1
    gpus = visible_gpus()
    try:
        while True:
            while not signals and len(running) < at_once and (job := next(jobs, None)):
                place = min(set(range(at_once)) - set(running))
                environment = _limits(threads) | _devices(gpus, place, at_once)
                running[place] = job, _start(job, environment)
            if not running:
                return 128 + signals[0][0] if signals else 0
            time.sleep(SECONDS_BETWEEN_LOOKS)
            for place, (job, process) in list(running.items()):
                code = process.poll()  # first, so that the look below is at all that it wrote
                wanted = not watch(job) and not signals
                if code is not None:
                    del running[place]
                    ended(job, code)
                elif not wanted and not job.stopped:
                    job.stopped = True
                    process.terminate()
    finally:
        for _, process in running.values():
            process.kill()
            process.wait()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def threads_each(at_once: int) -> int | None:
    """The processor's share of each of several jobs; None for one, which gets all."""
    return None if at_once == 1 else max(1, os.cpu_count() // at_once)


def visible_gpus() -> list[str]:
    """The names of the GPUs as CUDA_VISIBLE_DEVICES has them, or where it is not set their numbers;
    does not touch them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name]
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(n) for n in range(len(list(folder.iterdir())))] if folder.is_dir() else []


def lock(out: Path) -> TextIO:
    """Makes the folder and keeps others out of it as long as the returned file is open.

    Raises ValueError where another process is at work in it.
    """
    out.mkdir(parents=True, exist_ok=True)
    file = open(out / ".lock", "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(f"--out: {out} is in use by another process; expected its end") from None
    return file


def was_interrupted(code: int) -> bool:
    """Whether a run was asked to end, so that it can be resumed."""
    asked = (signal.SIGINT, signal.SIGTERM)
    return code in (*(-number for number in asked), *(128 + number for number in asked))


def _limits(threads: int | None) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return dict.fromkeys(names, str(threads)) if threads else {}


def _devices(gpus: list[str], place: int, at_once: int) -> dict[str, str]:
    """A part of the GPUs for each place; where there are fewer than places, one."""
    if not gpus or at_once == 1:
        return {}
    own = gpus[place::at_once] or [gpus[place % len(gpus)]]
    return {"CUDA_VISIBLE_DEVICES": ",".join(own)}


def _start(job: Job, environment: dict[str, str]) -> subprocess.Popen:
    with open(job.log, "ab") as log:
        # A session of its own: Ctrl-C reaches this process, which then tells the jobs, once.
        return subprocess.Popen(
            job.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env=os.environ | environment, start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )


def _end_with_parent() -> None:
    # PR_SET_PDEATHSIG: were this process killed, its jobs would go on writing into folders in
    # which the next start resumes them.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _note_signal(signals: list[tuple[int, float]], number: int) -> None:
    if signals and time.monotonic() > signals[0][1] + SECONDS_OF_ONE_SIGNAL:
        raise Stopped(number)
    signals.append((number, time.monotonic()))
