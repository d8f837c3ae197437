"""The child: one step, then the end. Forked by the nursery, so nothing is imported twice."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from bitgauge.benchmarks.common.prctl import die_with_parent
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ...decisions.steps import End, Ending, wants_memory
from .order import Order

_ADDRESSES_BEYOND_MEMORY = 64 << 30
"""Address space costs nothing: arenas, stacks and mapped files take it. What asks for more at once
than this can never have it, and hears so before the machine has filled its memory."""


def be_child(order: Order, answers: Connection, folder: str, nursery: int) -> NoReturn:
    """Do a step, send what came of it, end.

    Args:
        order: the step; its limit of memory is known by now.
        answers: takes an answer, a `BitgaugeError`, or an `Ending`.
        folder: for its temporary files; whoever made it removes it.
        nursery: the process id of the parent.
    """
    try:
        os.setsid()
        if die_with_parent(nursery):
            _limit(order.limit.memory_bytes)
            os.environ["TMPDIR"] = tempfile.tempdir = folder
            os.chdir(folder)
            answers.send(_answer(order))
    except BaseException:  # whatever happens here, the nursery's code must not go on twice
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)


def _answer(order: Order) -> Any:
    try:
        return order.work(*order.arguments)
    except BaseException as error:  # libraries end a process, too: SystemExit
        if wants_memory(error):
            return Ending(End.MEMORY, order.limit)
        if isinstance(error, BitgaugeError):
            return error
        return Ending(End.DEFECT, trace=traceback.format_exc())


def _limit(memory_bytes: int) -> None:
    # When memory runs out the kernel shall end this process first.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
        file.write(b"1000")
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: memory_bytes + _ADDRESSES_BEYOND_MEMORY,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (capped, capped))
