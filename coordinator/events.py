"""What the driver tells the supervisor: one line of JSON each, over an inherited pipe."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass

import msgspec
from bitgauge.benchmarks.errors import Code


class EventKind(str, enum.Enum):
    """What happened."""

    SERVING = "serving"
    ACTOR_LOST = "actor_lost"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class DriverEvent:
    """One event; `code` and `sentence` are set when the coordinator refused to start."""

    kind: EventKind
    code: Code | None = None
    sentence: str = ""


class EventSender:
    """The driver's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # what the driver starts must not hold it open
        self._descriptor = descriptor

    def send(self, event: DriverEvent) -> None:
        """Write one event; far below PIPE_BUF, so it arrives whole."""
        os.write(self._descriptor, msgspec.json.encode(event) + b"\n")


class EventReader:
    """The supervisor's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""

    def read(self) -> tuple[DriverEvent, ...] | None:
        """The events that have arrived; None at the end, when the driver has closed or died."""
        data = os.read(self.descriptor, 65536)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return tuple(msgspec.json.decode(line, type=DriverEvent) for line in lines)
