"""What an agent asks the kernel about processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bitgauge.agents.host import process

from tests.labs.trees import put


def test_leftovers_are_found_by_mark_and_by_session() -> None:
    program = "import time; print(flush=True); time.sleep(600)"
    marked = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, process.MARK_VARIABLE: "mark-of-test"},
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    led = subprocess.Popen(
        [sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE
    )
    stranger = subprocess.Popen(
        [sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE
    )
    for one in (marked, led, stranger):
        assert one.stdout is not None
        one.stdout.readline()
        one.stdout.close()
    ticks = process.start_ticks(led.pid)
    assert process.leftovers("mark-of-test", led.pid, ticks) == {marked.pid, led.pid}
    assert process.leftovers("another", stranger.pid, 1) == set()
    assert process.end("mark-of-test", led.pid, ticks)
    assert (marked.wait(5), led.wait(5)) == (-9, -9)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_out_of_memory_kills_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "vmstat", "nr_free_pages 1\noom_kill 3\n")
    assert process.oom_kills(tmp_path) == 3
    assert process.oom_kills(tmp_path / "nowhere") is None


def test_a_process_that_cannot_be_looked_at_has_not_ended(tmp_path: Path) -> None:
    """Else an agent without a free descriptor would end the children of another."""
    own = process.start_ticks(os.getpid())
    assert own is not None
    assert not process.has_ended(os.getpid(), own)
    assert process.has_ended(os.getpid(), own + 1)
    assert process.has_ended(7, 1, proc=tmp_path)
    (tmp_path / "7").mkdir()
    assert process.start_ticks(7, proc=tmp_path) is None
    assert not process.has_ended(7, 1, proc=tmp_path)
