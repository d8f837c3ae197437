"""The child: one step, then the end. Forked by the nursery, so nothing is imported twice.

It is confined before it does anything: from then on it counts as whoever sent what it reads.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from bitgauge.benchmarks.common.prctl import die_with_parent
from bitgauge.benchmarks.sandbox.base import Box, Level
from bitgauge.benchmarks.sandbox.forked import Told
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ...decisions.steps import MAX_PROCESSES, StepLimit, limit_met
from .order import ANSWER, LOG, RESULTS, Order

MAX_OPEN_FILES = 1024
_ADDRESSES_BEYOND_MEMORY = 64 << 30
"""Address space costs nothing: arenas, stacks and mapped files take it. What asks for more at once
than this can never have it, and hears so before the machine has filled its memory."""

_BEYOND_PROCESSES = 64
"""The kernel refuses what is beyond; the nursery, which looks now and then, ends it before."""


def be_child(order: Order, level: Level, box: Box, told: Told, nursery: int) -> NoReturn:
    """Do a step, write down what came of it, end.

    Args:
        order: the step; its limit of memory is known by now.
        level: by which it is confined.
        box: what it may reach; whoever made its folder removes it.
        told: is told which process is confined.
        nursery: the process id of the parent.
    """
    try:
        os.setsid()
        if die_with_parent(nursery):
            _prepare(box.folder)
            level.enter(box, told)
            _limit(order.limit, own_count=level.OWN_PROCESS_IDS)
            _write(_answer(order))
    except BaseException:  # whatever happens here, the nursery's code must not go on twice
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)


def _prepare(folder: Path) -> None:
    """All that has to be done while the machine can be seen."""
    # When memory runs out the kernel shall end this process first.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
        file.write(b"1000")
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    os.chdir(folder)
    Path(RESULTS).mkdir()
    printed = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(printed, descriptor)
    os.close(printed)


def _answer(order: Order) -> tuple[str, Any]:
    try:
        return "value", order.work(*order.arguments)
    except BaseException as error:  # libraries end a process, too: SystemExit
        met = limit_met(error)
        if met is not None:
            return met.name, None
        if isinstance(error, BitgaugeError):
            return "error", (type(error).__name__, error.code, error.sentence)
        return "defect", traceback.format_exc()


def _write(answer: tuple[str, Any]) -> None:
    Path(ANSWER).write_bytes(msgspec.msgpack.encode(answer))


def _limit(limit: StepLimit, *, own_count: bool) -> None:
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: limit.memory_bytes + _ADDRESSES_BEYOND_MEMORY,
        resource.RLIMIT_FSIZE: limit.written_bytes,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
    }
    if own_count and _counts_by_namespace():
        wanted[resource.RLIMIT_NPROC] = MAX_PROCESSES + _BEYOND_PROCESSES
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (capped, capped))


def _counts_by_namespace() -> bool:
    """Whether the kernel counts processes for each user namespace, as it does from 5.14 on."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)
