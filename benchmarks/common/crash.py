"""Named points at which a process ends itself as a power cut would: for proofs, never in service.

``BITGAUGE_CRASH_AT=C6:1`` (several with commas) sends this process SIGKILL when it passes C6 for
the first time. Before it dies it leaves the file ``crash/C6`` in its state folder, on the disk; a
point that has left its file does not crash again, else whoever restarts the process would do so
for ever. Removing the file arms the point anew, also under way.

Only a process that calls `arm` can crash: the agent and the coordinator's actor, not what they
start.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from ..vocabulary.errors import BadInput, Code
from .files import write_durably

VARIABLE = "BITGAUGE_CRASH_AT"

POINTS: Mapping[str, str] = {
    "C1": "a job is committed, its user was not told",
    "C2": "a lease is committed, its agent was not told",
    "C3": "a lease was sent, its agent has not renewed it yet",
    "C4": "a piece of a blob is on the disk, the blob is not complete",
    "C5": "a result has arrived, nothing of it is stored",
    "C6": "a result is inside an open transaction",
    "C7": "a result is committed, its agent was not told",
    "C8": "a job has ended and was judged, inside an open transaction",
    "C9": "a step of a migration is inside an open transaction",
    "A1": "a claimed run is on the agent's disk, no child was spawned",
    "A2": "a child was spawned, its process id is not on the disk",
    "A3": "a child is measuring",
    "A4": "the children of a run are done, its report is not on the disk",
    "A5": "a report is on the disk and was not sent",
    "A6": "a report was sent and answered, the answer was not looked at",
    "A7": "a report was acknowledged, and is still on the disk",
}
"""Every point and what is true at it. C: coordinator, A: agent."""


class _Armed:
    """What this process shall do; `left` is empty unless the environment asks for a crash."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.folder = Path()
        self.lock = threading.Lock()


_armed = _Armed()


def parse(text: str) -> dict[str, int]:
    """Points, and at which passage of each to crash.

    Raises:
        BadInput: an unknown point, or something that is not ``POINT:N``.
    """
    found: dict[str, int] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, colon, number = word.partition(":")
        if name not in POINTS:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"{VARIABLE} names the crash point {name!r}; there are {', '.join(POINTS)}.",
            )
        if not (colon and number.isascii() and number.isdigit() and int(number) > 0):
            raise BadInput(
                Code.BAD_ARGUMENT, f"{word!r} in {VARIABLE} is not POINT:N, such as {name}:1."
            )
        found[name] = int(number)
    return found


def arm(state_folder: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Have this process crash where its environment says; nothing happens when it says nothing.

    Args:
        state_folder: below it each point that is passed leaves its file.
        environ: where `VARIABLE` is looked up.

    Raises:
        BadInput: `VARIABLE` is no list of points.
    """
    _armed.left = parse(environ.get(VARIABLE, ""))
    _armed.folder = state_folder / "crash"
    if _armed.left:
        _armed.folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def crash_point(name: str) -> None:
    """Crash here when it was asked for: one look into an empty dictionary when it was not."""
    if name in _armed.left:
        _pass(name)


def _pass(name: str) -> None:
    mark = _armed.folder / name
    with _armed.lock:
        if mark.exists():
            return
        _armed.left[name] -= 1
        if _armed.left[name] > 0:
            return
        write_durably(mark, f"{os.getpid()}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)
