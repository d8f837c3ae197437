"""Clocks that the owner of a machine has this agent pin: its intent first, then the change.

What is pinned outlives the process that did it. So every intent is on the disk before anything
is changed, and each start of an agent lets go what an older one still held.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import msgspec
from bitgauge.benchmarks.common.files import write_durably
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from ..devices.base import PinsClocks
from .attached import Attached

BASE = "base"
_FILE = "pinned.json"


class PinIntent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A unit whose clock is, or was about to be, pinned."""

    kind: str
    unit: str


class Pins:
    """What this agent pins, and what older ones of its folder left pinned.

    Args:
        folder: the agent's own.
        kind: the device module of a name.
        say: prints one line.
    """

    def __init__(
        self, folder: Path, kind: Callable[[str], object], say: Callable[[str], None]
    ) -> None:
        self._path = folder / _FILE
        self._kind = kind
        self._say = say

    def restore(self) -> None:
        """Lets every clock go; one that does not is said, and tried again at the next start."""
        for one in self._open():
            try:
                cast(PinsClocks, self._kind(one.kind)).unpin(one.unit)
            except Exception as error:  # a device module is another's code
                self._say(f"The clock of {one.kind}:{one.unit} is not restored: {said(error)}")
            else:
                self._keep([other for other in self._open() if other != one])
                self._say(f"The clock of {one.kind}:{one.unit} is what it was before.")

    def pin(self, devices: Sequence[Attached], clock: str) -> None:
        """Pins the clock of every device that lets it be pinned.

        Args:
            devices: what is served.
            clock: `BASE`, or a number of MHz.

        Raises:
            Refused: `clocks_not_pinned`, a device refuses or none is of the kind; all are free.
        """
        taking = [one for one in devices if isinstance(one.module, PinsClocks)]
        if not taking:
            raise Refused(Code.CLOCKS_NOT_PINNED, "No device here lets its clocks be pinned.")
        try:
            for one in taking:
                self._pin(one, None if clock == BASE else int(clock))
        except Exception:
            self.restore()
            raise

    def _pin(self, one: Attached, mhz: int | None) -> None:
        self._keep([*self._open(), PinIntent(one.kind, one.unit.key)])
        words = cast(PinsClocks, one.module).pin(one.unit.key, mhz)
        self._say(f"The clock of {one.key} is pinned to {words} until this agent ends.")

    def _open(self) -> list[PinIntent]:
        with contextlib.suppress(OSError, ValueError):
            return msgspec.json.decode(self._path.read_bytes(), type=list[PinIntent])
        return []

    def _keep(self, intents: Sequence[PinIntent]) -> None:
        if intents:
            write_durably(self._path, msgspec.json.encode(list(dict.fromkeys(intents))))
        else:
            self._path.unlink(missing_ok=True)
