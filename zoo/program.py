"""What a program of the zoo does about its terminal and about signals.

It survives the loss of its terminal, as under nohup, and of whatever reads its output: what it
prints then goes nowhere. SIGTERM and Ctrl-C end it with exit code 143 and 130, without a traceback,
and `finally` and `with` have their turn, so that nothing half written is left. While it still
imports its modules, Ctrl-C ends it with the same line and code.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import time
from collections.abc import Iterator

# timeout(1) sends its signal twice at once: to its command, and to the process group.
SECONDS_OF_ONE_SIGNAL = 1.0
# What `python -m` runs of this project, and its command.
_PACKAGES, _COMMAND = ("recipes", "tools", "zoo"), "keras-zoo"


def end_quietly_while_importing() -> None:
    """In a program of the zoo Ctrl-C ends the process until `stoppable` decides about it.

    An interrupt while modules are imported would show a traceback through them. Called by the
    first line of the package that is imported at all; what imports the zoo as a library keeps its
    handler.
    """
    program = sys.orig_argv[1:]
    if "-m" in program[:-1]:
        ours = program[program.index("-m") + 1].partition(".")[0] in _PACKAGES
    else:
        ours = os.path.basename(sys.argv[0]) == _COMMAND
    if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(number: int, _) -> None:
    os.write(2, f"{Stopped(number)}\n".encode())
    os._exit(128 + number)


class Stopped(KeyboardInterrupt):
    """A signal (interrupt, terminate) has asked this process to end."""

    def __init__(self, number: int):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Signals raise Stopped in here, which ends the process as the top of this file says.

    A second signal, a second or more after the first, ends it at once.
    """
    first = 0.0

    def stop(number: int, _) -> None:
        nonlocal first
        if not first:
            first = time.monotonic()
            raise Stopped(number)
        if time.monotonic() > first + SECONDS_OF_ONE_SIGNAL:
            os._exit(128 + number)

    # Not where it is ignored, as Ctrl-C in what a shell runs in the background.
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM)
               if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in numbers}
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    except Stopped as stopped:
        print(stopped, file=sys.stderr, flush=True)
        before = {}  # the second of a pair must not kill what is ending
        sys.exit(stopped.exit_code)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def keep_streams() -> None:
    """From now on no error of standard output or standard error reaches the program.

    A descriptor that was closed at the start is opened on nothing: else the next file would get
    its number, and what libraries print would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, this one
    # What others have put there, as a test or a notebook, is theirs.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _lasting(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _lasting(sys.stderr, 2)


class _Lasting(io.FileIO):
    """A descriptor to write to that is never closed, and whose errors are none: the reader is gone
    (EPIPE), the terminal (EIO), or the disk of a log file full (ENOSPC)."""

    def write(self, data) -> int:
        with contextlib.suppress(OSError):
            written = super().write(data)
            if written is not None:  # None: a full pipe that does not block
                return written
        return len(data)


def _lasting(stream: io.TextIOWrapper | None, number: int) -> io.TextIOWrapper:
    """`stream` over `_Lasting`; a sign that its encoding lacks is written by its number."""
    lasting = _Lasting(number, "w", closefd=False)
    if stream is None:  # it was closed
        return io.TextIOWrapper(io.BufferedWriter(lasting), "utf-8", "backslashreplace")
    stream.flush()
    return io.TextIOWrapper(
        lasting if stream.write_through else io.BufferedWriter(lasting),  # python -u
        encoding=stream.encoding, errors="backslashreplace",
        line_buffering=stream.line_buffering, write_through=stream.write_through,
    )
