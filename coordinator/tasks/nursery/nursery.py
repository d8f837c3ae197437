"""A worker's own nursery: started with its first step, and anew when it is lost."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.files import remove_tree
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.vocabulary.errors import Code, Internal, Refused

from ...decisions.steps import End, Ending
from .order import Order, Raised, Site
from .said import NoAnswer, NotTaken, printed_in, said_in

_LISTEN_S = 0.1
_END_S = 30.0
_STDERR = 2
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""A step has one processor; and the nursery, which forks, has one thread."""
_INHERITED = (
    *("PATH", "HOME", "PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE"),
    *("LD_LIBRARY_PATH", "VIRTUAL_ENV", "LANG", "LC_ALL", PLUGIN_PATH),
)
"""A step sees its nursery's memory: secrets of the worker's environment stay out of it."""


class Nursery:
    """One process below this one; not for several threads."""

    def __init__(self, place: Site) -> None:
        self._place = place
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self.sandbox = ""
        """The level that confines its steps, in words; empty until there was one."""

    def raised(self, order: Order, kind: Any = Any) -> Any:
        """What came of a step: an answer, a `BitgaugeError`, or an `Ending`.

        Whatever interrupts this (Ray cancels a task by an exception) ends the step with all that
        it started, before the exception goes on.

        Args:
            order: the step.
            kind: the type of its answer.

        Raises:
            Refused: the level that must confine it does not work here.
        """
        with self.step(order, kind) as (answer, _):
            return answer

    @contextlib.contextmanager
    def step(self, order: Order, kind: Any) -> Iterator[tuple[Any, Path]]:
        """The same, and the step's folder with its files until the block ends."""
        after = self._asked(order)
        if isinstance(after, Ending):
            yield after, Path()
            return
        try:
            yield _answer(after, kind), after.folder
        finally:
            remove_tree(after.folder)

    def settle(self) -> str:
        """Start it, if need be; the level that confines its steps, in words.

        Raises:
            Refused: the level that must confine them does not work here.
            Internal: `START_FAILED`, it ended at once.
        """
        try:
            self._started()
        except (EOFError, OSError) as error:
            self.end()
            raise Internal(
                Code.START_FAILED, "The process that raises background steps ended at its start."
            ) from error
        return self.sandbox

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()  # at leisure, it may still be importing
        self.end()

    def _asked(self, order: Order) -> Raised | Ending:
        try:
            line = self._started()
            line.send(order)
            after: Raised = self._heard(line)
            return after
        except (EOFError, OSError):
            self.end()
            return Ending(End.LOST)
        except BaseException:
            self.end()
            raise

    def _heard(self, line: Connection) -> Any:
        while not line.poll(_LISTEN_S):  # a blocking read would not hear of a cancellation
            pass
        return line.recv()

    def _started(self) -> Connection:
        if self._process is not None and self._process.poll() is not None:
            self.end()
        if self._line is None:
            self._place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._line, theirs = Pipe()
            command = [sys.executable, "-m", __package__, str(theirs.fileno())]
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=_STDERR,
                    pass_fds=(theirs.fileno(),),
                    env=environment_of(os.environ),
                )
            self._line.send(self._place)
            works, self.sandbox = self._heard(self._line)
            if not works:
                self.end()
                raise Refused(Code.SANDBOX_UNAVAILABLE, self.sandbox)
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


def environment_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a nursery, and so of its steps: nothing that a secret may be in."""
    return {name: environ[name] for name in _INHERITED if name in environ} | _ONE_THREAD


def _answer(after: Raised, kind: Any) -> Any:
    if after.ending is not None:
        return replace(after.ending, trace=printed_in(after.folder))
    try:
        answer = said_in(after.folder, kind)
    except NoAnswer:
        return Ending(End.CRASH, trace=printed_in(after.folder))
    except NotTaken as error:
        return Ending(End.RESULT, why=str(error))
    if isinstance(answer, Ending) and answer.end is not End.DEFECT:
        return replace(answer, limit=after.limit)
    return answer
