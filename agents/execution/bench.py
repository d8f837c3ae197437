"""What one served device works with: made once, when the agent starts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from bitgauge.benchmarks.common.plugins import Found
from bitgauge.benchmarks.vocabulary.values.devices import (
    DeviceDescription,
    RuntimeDescription,
    StackItem,
)

from ..config import PhaseLimits
from ..connection.connection import Connection
from ..connection.outbox import Outbox
from ..connection.transfer import Transfer
from ..host.machine import THIS_MACHINE, Machine
from ..launcher.exit import ChildExit
from ..launcher.supervision import Listener
from ..runtimes.base import RuntimeModule
from ..spec import ChildSpec
from ..storage.built import BuiltPrograms
from ..storage.spool import Spool
from .turns import Turns
from .watched import Looking

Launch = Callable[[ChildSpec, Path, str, PhaseLimits, Listener], Awaitable[ChildExit]]


async def _no_rest() -> float:
    return 0.0


async def _no_reading(_runtime: str) -> tuple[StackItem, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Bench:
    """What one served device works with.

    Attributes:
        kind: name of its device module.
        connection: to the coordinator; whoever made it closes it.
        folder: where children have their folders.
        launch: runs one child to its end, confined.
        turns: when its host may measure it.
        rest: lets the device cool down before a job; returns the seconds that it took.
        built: where what is built of artifacts for an accelerator is kept; None: nowhere.
        look: raises what befell the device since it registered.
        read_again: reads the anchors of a runtime afresh; nothing where that cannot be done.
        readings: what was read afresh since the device registered, by runtime.
    """

    device: DeviceDescription
    kind: str
    unit: str
    runtimes: Found
    plugins: tuple[Path, ...]
    connection: Connection
    transfer: Transfer
    spool: Spool
    outbox: Outbox
    folder: Path
    limits: PhaseLimits
    say: Callable[[str], None]
    launch: Launch
    sandbox: str
    machine: Machine = THIS_MACHINE
    turns: Turns = field(default_factory=Turns)
    rest: Callable[[], Awaitable[float]] = _no_rest
    built: BuiltPrograms | None = None
    look: Looking = field(default_factory=Looking)
    read_again: Callable[[str], Awaitable[tuple[StackItem, ...]]] = _no_reading
    readings: dict[str, tuple[StackItem, ...]] = field(default_factory=dict)

    def module(self, name: str) -> RuntimeModule:
        """The plug-in that executes artifacts; NotFound names those there are."""
        return cast(RuntimeModule, self.runtimes.get(name))

    def builds(self, name: str) -> bool:
        """Whether a plug-in builds a program of each artifact here; see `runtimes.base.Traits`."""
        found = self.runtimes.modules.get(name)
        return found is not None and cast(RuntimeModule, found).TRAITS.builds

    def runtime(self, name: str) -> RuntimeDescription | None:
        """What the device says of a runtime; None when it has none of that name."""
        return next((one for one in self.device.runtimes if one.name == name), None)

    def anchors(self, name: str) -> tuple[StackItem, ...]:
        """The most that was observed of a runtime until now."""
        described = self.runtime(name)
        return self.readings.get(name) or (described.anchors if described is not None else ())
