"""A worker's own nursery: started with its first step, and anew when it is lost."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from multiprocessing.connection import Connection, Pipe
from typing import Any

from ...decisions.steps import End, Ending
from .order import Order

_LISTEN_S = 0.1
_END_S = 30.0
_STDERR = 2
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""A step has one processor; and the nursery, which forks, has one thread."""


class Nursery:
    """One process below this one; not for several threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def raised(self, order: Order) -> Any:
        """What came of a step: an answer, a `BitgaugeError`, or an `Ending`.

        Whatever interrupts this (Ray cancels a task by an exception) ends the step with all that
        it started, before the exception goes on.
        """
        line = self._started()
        try:
            line.send(order)
            while not line.poll(_LISTEN_S):  # a blocking read would not hear of a cancellation
                pass
            return line.recv()
        except (EOFError, OSError):
            self.end()
            return Ending(End.LOST)
        except BaseException:
            self.end()
            raise

    def _started(self) -> Connection:
        if self._process is not None and self._process.poll() is not None:
            self.end()
        if self._line is None:
            self._line, theirs = Pipe()
            command = [sys.executable, "-m", __package__, str(theirs.fileno())]
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=_STDERR,
                    pass_fds=(theirs.fileno(),),
                    env={**os.environ, **_ONE_THREAD},
                )
        return self._line

    def end(self) -> None:
        """End it, and what it has raised."""
        line, process = self._line, self._process
        self._line = self._process = None
        if line is not None:
            line.close()
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
            process.kill()
            process.wait()
