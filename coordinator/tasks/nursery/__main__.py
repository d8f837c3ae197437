"""The nursery of one Ray worker: forks a child for each step, watches over it, ends it.

``python -m bitgauge.coordinator.tasks.nursery DESCRIPTOR``, with our end of a line to the worker.
It has imported what steps need, so a step costs a fork and no start of Python. It has one thread:
a fork takes no other along, and what that held would stay locked. It ends with the line, and
whatever is below it before that. It reads nothing that a step has written.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import tempfile
import time
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path

import msgspec
import psutil
from bitgauge.benchmarks.common.files import remove_tree
from bitgauge.benchmarks.common.prctl import adopt_orphans
from bitgauge.benchmarks.sandbox.base import Level
from bitgauge.benchmarks.sandbox.forked import Confined
from bitgauge.benchmarks.sandbox.found import in_words
from bitgauge.benchmarks.vocabulary.errors import Refused

from ...decisions.steps import End, Ending, StepLimit, overdue
from . import watch
from .child import be_child
from .confinement import Boxes, boxes_of, settled
from .order import Order, Raised, Site

POLL_S = 0.05
_ROOT = __package__.rpartition(".")[0]
_PRELOADED = (
    "onnx",
    "sympy",
    f"{_ROOT}.steps",
    f"{_ROOT}.inspect_job",
    "bitgauge.benchmarks.analysis.analyse",
)
"""Not ONNX Runtime, which starts a thread; its import takes a child 0.1 s."""


class Abandoned(Exception):
    """Nobody waits for the answer any more."""


def main(descriptor: int) -> int:
    """Hear where to work, then do what is asked until the line ends."""
    line = Connection(descriptor)
    adopt_orphans()
    with contextlib.suppress(EOFError, OSError, Abandoned):
        place = line.recv()
        _serve(place, boxes_of(place), line)
    return 0


def _serve(place: Site, boxes: Boxes, line: Connection) -> None:
    try:
        found = settled(place, boxes, lambda order, level: raised(order, level, boxes, line))
    except Refused as error:
        line.send((False, error.sentence))
        return
    line.send((True, in_words(found)))
    for name in _PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    while True:
        order = line.recv()
        after = raised(order, found.level, boxes, line)
        try:
            line.send(after)
            wait([line])  # with the next order, or with its end, the worker has taken all it wants
        finally:
            remove_tree(after.folder)


def raised(order: Order, level: Level, boxes: Boxes, line: Connection) -> Raised:
    """What came of a step; it and all that it started are gone by then.

    Raises:
        Abandoned: nobody waits for it; its folder is gone, too.
    """
    limit = order.limit
    memory_bytes = limit.memory_bytes or watch.share_of_memory_bytes()
    order = replace(order, limit=replace(limit, memory_bytes=memory_bytes))
    folder = Path(tempfile.mkdtemp(prefix="step-", dir=boxes.folder))
    ear, mouth = os.pipe()
    ooms, nursery = watch.oom_kills(), os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(ear)
        line.close()
        box = boxes.box(folder, order.inputs)
        be_child(order, level, box, lambda one: _tell(mouth, one), nursery)
    os.close(mouth)
    ending = None
    try:
        with os.fdopen(ear, "rb") as heard:
            ending = _watched(pid, heard.fileno(), line, order.limit, folder)
    except Abandoned:
        _end_tree(pid)
        remove_tree(folder)
        raise
    status = _end_tree(pid)
    if ending is None and status:
        ending = _unsaid(status, order.limit, watch.oom_kills() > ooms)
    return Raised(folder, order.limit, ending)


def _tell(mouth: int, confined: Confined) -> None:
    os.write(mouth, msgspec.json.encode(confined))


def _watched(pid: int, ear: int, line: Connection, limit: StepLimit, folder: Path) -> Ending | None:
    """Wait for the end of a child; the limit that it met, or None when it ended by itself.

    Through `ear` it says once which process is confined. That only ends with it.
    """
    began_s, before, confined = time.monotonic(), watch.free(folder), Confined(pid)
    while True:
        ready = wait([ear, line], POLL_S)
        if line in ready:
            raise Abandoned  # it asks for one thing at a time, so this is its end
        if ear in ready:
            said = os.read(ear, 4096)
            if not said:
                return None
            with contextlib.suppress(msgspec.MsgspecError):
                confined = msgspec.json.decode(said, type=Confined)
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return None  # what it has left behind may hold our ear's other end
        late = overdue(limit, time.monotonic() - began_s, watch.kept_waiting_s(confined.pid))
        if late is not None:
            return late
        end = watch.too_much(pid, confined, limit, before, watch.free(folder))
        if end is not None:
            return Ending(end, limit)


def _unsaid(status: int, limit: StepLimit, out_of_memory: bool) -> Ending:
    """What the end of a child says that gave no answer."""
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number == signal.SIGKILL:
        return (
            Ending(End.MEMORY, replace(limit, memory_bytes=0))
            if out_of_memory
            else Ending(End.LOST)
        )
    if number == signal.SIGXFSZ:
        return Ending(End.WRITTEN, limit)
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
