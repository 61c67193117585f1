"""Jobs in processes of their own: how many at once, how they end, and that none outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo.tuning.processes import Job, run_all, threads_each, was_interrupted

ROOT = Path(__file__).parents[2]


def shell(folder: Path, name: str, script: str) -> Job:
    return Job(["sh", "-c", script], folder / name)


def test_no_more_at_once_than_asked_and_all_in_turn(tmp_path):
    lines = tmp_path / "lines"

    def script(begun: int) -> str:
        """Ends when so many have begun, or after half a minute."""
        return (f"echo begin >> {lines}; for i in $(seq 600); do "
                f"[ $(grep -c begin {lines}) -ge {begun} ] && break; sleep 0.05; done; "
                f"echo end >> {lines}")

    jobs = [shell(tmp_path, f"job{i}", script(begun)) for i, begun in enumerate((2, 2, 4, 4, 5))]
    ended = []
    code = run_all(
        iter(jobs), at_once=2, threads=None,
        watch=lambda job: False, ended=lambda job, code: ended.append((job.folder.name, code)),
    )
    running, most = 0, 0
    for line in lines.read_text().split():
        running += 1 if line == "begin" else -1
        most = max(most, running)
    assert code == 0 and most == 2 and running == 0
    assert sorted(ended) == [(f"job{number}", 0) for number in range(5)]


@pytest.mark.parametrize(("seen", "at_once", "given"), [
    ("3,5,7,8", 2, {"3,7", "5,8"}), ("3,5", 2, {"3", "5"}), ("3", 2, {"3"}), ("-1", 2, {"-1"}),
    ("3,5", 1, {"3,5"}), ("", 2, {""}),
])
def test_gpus_are_shared_out(tmp_path, monkeypatch, seen, at_once, given):
    """Between jobs that end in another order than they began, so that places become free."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    jobs = [
        shell(tmp_path, f"job{number}", f"sleep {seconds}; echo $CUDA_VISIBLE_DEVICES")
        for number, seconds in enumerate((0.5, 0, 0, 0.3))
    ]
    run_all(
        iter(jobs), at_once=at_once, threads=None,
        watch=lambda job: False, ended=lambda job, code: None,
    )
    assert {job.log.read_text().strip() for job in jobs} == given


def test_what_is_watched_and_unwanted_gets_a_terminate(tmp_path):
    script = "trap 'echo told; exit 143' TERM; while :; do sleep 0.1; done"
    ended = []
    run_all(
        iter([shell(tmp_path, "job", script)]), at_once=1, threads=None,
        watch=lambda job: job.log.exists(), ended=lambda job, code: ended.append(code),
    )
    assert len(ended) == 1 and was_interrupted(ended[0])


def test_the_last_look_is_after_the_end(tmp_path):
    found = tmp_path / "found"
    looks = []
    run_all(
        iter([shell(tmp_path, "job", f"touch {found}")]), at_once=1, threads=None,
        watch=lambda job: looks.append(found.exists()), ended=lambda job, code: None,
    )
    assert looks[-1]


def test_threads_are_shared(tmp_path):
    script = "echo $OMP_NUM_THREADS $TF_NUM_INTRAOP_THREADS $TF_NUM_INTEROP_THREADS"
    job = shell(tmp_path, "job", script)
    run_all(
        iter([job]), at_once=1, threads=3, watch=lambda job: False, ended=lambda job, code: None
    )
    assert job.log.read_text() == "3 3 3\n"
    assert threads_each(1) is None and threads_each(2) == max(1, os.cpu_count() // 2)
    assert threads_each(10_000) == 1


def test_last_words(tmp_path):
    job = shell(tmp_path, "job", "")
    job.log.write_text("a\nerror: the loss is nan\nb\n\n")
    assert job.last_words(1) == "the loss is nan"
    job.log.write_text("a\nSegmentation fault\n")
    assert job.last_words(1) == "Segmentation fault"
    job.log.write_text("")
    assert job.last_words(3) == "exit code 3" and job.last_words(-9) == "ended by SIGKILL"


# Runs one job, whose process says which it is, and waits.
PARENT = """
import sys
from pathlib import Path
from zoo.tuning.processes import Job, run_all
script = "trap 'sleep 0.2; exit 143' TERM; echo $$ > {0}.new; mv {0}.new {0}; "
script += "while :; do sleep 0.1; done"
job = Job(["sh", "-c", script.format(sys.argv[1] + "/pid")], Path(sys.argv[1], "job"))
sys.exit(run_all(iter([job]), at_once=1, threads=None, watch=lambda job: False,
                 ended=lambda job, code: print(code, flush=True)))
"""


def start_parent(folder):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    wait_for((folder / "pid").exists)
    return parent, int((folder / "pid").read_text())


def wait_for(condition):
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def is_gone(number):
    try:
        # A zombie whom nobody has waited for yet is gone, too.
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_job_does_not_outlive_a_kill_of_its_parent(tmp_path):
    parent, job = start_parent(tmp_path)
    assert not is_gone(job)
    parent.kill()
    parent.wait()
    wait_for(lambda: is_gone(job))


def test_a_signal_is_handed_on_and_waited_for(tmp_path):
    parent, job = start_parent(tmp_path)
    for _ in range(2):  # at once, as timeout(1) does
        parent.send_signal(signal.SIGINT)
        time.sleep(0.01)
    out, _ = parent.communicate(timeout=60)
    assert parent.returncode == 128 + signal.SIGINT and out.split() == ["143"] and is_gone(job)


def test_a_later_second_signal_kills(tmp_path):
    parent, job = start_parent(tmp_path)
    os.kill(job, signal.SIGSTOP)  # so that it cannot end in an orderly way
    parent.send_signal(signal.SIGTERM)
    time.sleep(1.2)
    parent.send_signal(signal.SIGTERM)
    parent.wait(timeout=60)
    assert parent.returncode != 0 and is_gone(job)
