"""The nursery of one Ray worker: forks a child for each step, watches over it, ends it.

``python -m bitgauge.coordinator.tasks.nursery DESCRIPTOR``, with our end of a line to the worker.
It has imported what steps need, so a step costs a fork and no start of Python. It has one thread:
a fork takes no other along, and what that held would stay locked. It ends with the line, and
whatever is below it before that.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

import psutil
from bitgauge.benchmarks.common.prctl import adopt_orphans

from ...decisions.steps import End, Ending, StepLimit, overdue
from ..replicas import REPLICA_VARIABLE, replica_folder
from . import watch
from .child import be_child
from .order import Order

POLL_S = 0.05
_ROOT = __package__.rpartition(".")[0]
_PRELOADED = (
    "onnx",
    "sympy",
    f"{_ROOT}.work",
    f"{_ROOT}.inspect_job",
    "bitgauge.benchmarks.analysis.analyse",
)
"""Not ONNX Runtime, which starts a thread; its import takes a child 0.1 s."""


class _Abandoned(Exception):
    """Nobody waits for the answer any more."""


def main(descriptor: int) -> int:
    """Do what is asked until the line ends."""
    line = Connection(descriptor)
    adopt_orphans()
    os.environ[REPLICA_VARIABLE] = str(replica_folder())
    for name in _PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(EOFError, OSError, _Abandoned):
        while True:
            order = line.recv()
            line.send(_raised(order, line))
    return 0


def _raised(order: Order, line: Connection) -> Any:
    """What came of a step; it and all that it started are gone by then.

    Raises:
        _Abandoned: nobody waits for it.
    """
    limit = order.limit
    memory_bytes = limit.memory_bytes or watch.machine_bytes() // 2
    order = replace(order, limit=replace(limit, memory_bytes=memory_bytes))
    folder = tempfile.mkdtemp(prefix="step-", dir=Path(os.environ[REPLICA_VARIABLE]).parent)
    answers, mouth = Pipe(duplex=False)
    ooms, nursery = watch.oom_kills(), os.getpid()
    pid = os.fork()
    if pid == 0:
        answers.close()
        line.close()
        be_child(order, mouth, folder, nursery)
    mouth.close()
    try:
        said = _heard(pid, answers, line, order.limit)
    finally:
        answers.close()
        status = _end_tree(pid)
        shutil.rmtree(folder, ignore_errors=True)
    return said[0] if said else _unsaid(status, order.limit, watch.oom_kills() > ooms)


def _heard(pid: int, answers: Connection, line: Connection, limit: StepLimit) -> tuple[Any] | None:
    """The answer of a child, or the limit that it met; None when it ended without one."""
    began_s = time.monotonic()
    while True:
        ready = wait([answers, line], POLL_S)
        if line in ready:
            raise _Abandoned  # it asks for one thing at a time, so this is its end
        if answers in ready:
            try:
                return (answers.recv(),)
            except (EOFError, OSError):
                return None
        late = overdue(limit, time.monotonic() - began_s, watch.kept_waiting_s(pid))
        if late is not None:
            return (late,)
        if watch.tree_bytes(pid) > limit.memory_bytes:
            return (Ending(End.MEMORY, limit),)


def _unsaid(status: int, limit: StepLimit, out_of_memory: bool) -> Ending:
    """What the end of a child says that gave no answer."""
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number == signal.SIGKILL:
        return (
            Ending(End.MEMORY, replace(limit, memory_bytes=0))
            if out_of_memory
            else Ending(End.LOST)
        )
    return Ending(End.CRASH, signal=number)


def _end_tree(child: int) -> int:
    """End everything below this process; how the child itself ended, as `waitpid` tells it.

    What leaves its session and loses its parent becomes our own child, so the last one is found.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)  # it may not have come to leading a session
    status = os.waitpid(child, 0)[1]
    while _has_children():
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(POLL_S / 10)
    return status


def _has_children() -> bool:
    """Whether a child lives; those that have ended are collected."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    code = main(int(sys.argv[1]))
    os._exit(code)
