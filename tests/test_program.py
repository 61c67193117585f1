"""Programs outlive their terminal, and end at a signal with nothing but a line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo.program import Stopped, stoppable

ROOT = Path(__file__).parents[1]
# What a run does with its streams, without a run: Python, tqdm and C's own prints.
PROGRAM = """
import os, sys
from zoo.program import keep_streams
keep_streams()
from tqdm import tqdm
opened = open(sys.argv[1], "w")
for number in range(2000):
    print("a line of standard output", number, "\\udcff", flush=True)
    print("a line of standard error", file=sys.stderr)
    tqdm.write("above the bar")
os.system("echo from below Python; echo from below Python >&2")
opened.write("done")
opened.close()
"""


def run(shell: str, tmp_path) -> str:
    """What a shell's command, in which PROGRAM is the program, prints; it has to end well."""
    command = shell.replace("PROGRAM", f"{sys.executable} {tmp_path / 'program.py'} {tmp_path}/out")
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done
    assert (tmp_path / "out").read_text() == "done"
    return done.stdout + done.stderr


@pytest.mark.parametrize("shell, said", [
    ("PROGRAM >&-", "standard error"), ("PROGRAM 2>&-", "standard output"),
    ("PROGRAM <&- >&- 2>&-", ""),
    ("PROGRAM 2>/dev/null | head -1", "standard output"),
    ("PROGRAM 2>&1 | true", ""),
    ("PROGRAM > /dev/full 2> /dev/full", ""),
    ("PYTHONUNBUFFERED=1 PROGRAM 2>&1 >/dev/null | head -1", "standard error"),
    ("PYTHONIOENCODING=ascii PROGRAM", "\\udcff"),
])
def test_streams_that_are_closed_lost_full_or_narrow(tmp_path, shell, said):
    printed = run(shell, tmp_path)
    assert said in printed if said else printed == ""


def test_a_terminal_that_is_closed(tmp_path):
    """The program leads a session of its own, as in a terminal; the terminal goes away."""
    (tmp_path / "program.py").write_text(
        "import time\nfrom zoo.program import keep_streams, stoppable\nkeep_streams()\n"
        "with stoppable():\n    print('begun', flush=True)\n    time.sleep(1)\n"
        "    for _ in range(99):\n        print('go on')\n    open('out', 'w').write('done')\n"
    )
    program, terminal = os.forkpty()
    if program == 0:
        os.chdir(tmp_path)
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(sys.executable, [sys.executable, "program.py"])
    assert os.read(terminal, 5) == b"begun"
    os.close(terminal)  # the kernel sends SIGHUP
    assert os.waitpid(program, 0)[1] == 0
    assert (tmp_path / "out").read_text() == "done"


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_with_a_line_and_lets_others_clean_up(number, code, capsys):
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    cleaned = []
    try:
        with pytest.raises(SystemExit) as stopped, stoppable():
            try:
                os.kill(os.getpid(), number)
                time.sleep(1)
            finally:
                os.kill(os.getpid(), number)  # timeout(1) sends two
                cleaned.append("up")
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert stopped.value.code == code and cleaned == ["up"]
    assert capsys.readouterr().err == f"stopped by {signal.Signals(number).name}\n"


def test_handlers_are_put_back_and_what_is_ignored_stays_so():
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with pytest.raises(ValueError), stoppable():
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        raise ValueError
    assert {n: signal.getsignal(n) for n in before} == before
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before[signal.SIGINT])
    assert isinstance(Stopped(2), KeyboardInterrupt)  # for who waits for Ctrl-C


@pytest.mark.parametrize("module", ["recipes.lenet5", "tools.predict", "tools.sweep"])
def test_every_program_does_so(module, tmp_path):
    """Its help is written by `print`, as all that follows is."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m {module} --help > /dev/full"],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command, code, said", [
    (["-m", "recipes.lenet5"], 130, "stopped by SIGINT\n"),
    (["-u", "-m", "zoo", "models"], 130, "stopped by SIGINT\n"),
    (["-c", "import zoo"], -signal.SIGINT, "KeyboardInterrupt"),  # another's program
])
def test_ctrl_c_while_modules_are_imported(command, code, said, tmp_path):
    # Found before Python's own, which the zoo imports first of all.
    (tmp_path / "zipfile.py").write_text("import os\nos.kill(os.getpid(), 2)\n")
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == code and said in done.stderr
    assert (done.stderr == said) == (code == 130)


def test_ctrl_c_before_tensorflow_is_loaded(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "recipes.lenet5", f"--run_dir={tmp_path / 'run'}"], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    process.stdout.readline()  # the settings, before it is imported
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "stopped by SIGINT\n")
    assert not (tmp_path / "run").exists()
