"""What every child of this agent is put into: level, control group, limits."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import psutil
from bitgauge.benchmarks.sandbox.base import RLIMITS, Box, Level, levels, runtime_trees
from bitgauge.benchmarks.sandbox.found import in_words
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription

from ..config import AgentConfig
from . import cgroup
from .survey import survey

_OWN = Path(__file__).parents[1]
PROCESSES = 512  # of one child, threads counted
_RESERVE_BYTES = 512 * 1024**2
_RESERVE_SHARE = 8
# What an allocator and thread stacks reserve and do not touch.
_RESERVED_BYTES = 2 * 1024**3
_RESERVED_PER_THREAD_BYTES = 192 * 1024**2
SLOW = 10.0
"""Emulated code takes ten to a hundred times as long; a child that hangs is found later there."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What every child of this agent is put into.

    Attributes:
        level: how it is confined.
        trees: folders of programs and libraries that it may read.
        hidden: folders that it must not see.
        hardware_class: of this device; a GPU's child gets no address limit.
        nodes: the device nodes that its children need now; looked for at each launch.
        memory_bytes: most memory that a child may use; 0 for no limit.
        groups: where control groups can be made.
        patience: how many times longer a child is waited for: `SLOW` where it is emulated.
        carrier: a program that stands where a child would and runs it on its device, in words;
            empty where children run here. See `devices.base.carrier`.
        variables: what libraries are told of the device. See `devices.base.NamesDevice`.
    """

    level: Level
    trees: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    hardware_class: HardwareClass = HardwareClass.CPU_ONLY
    nodes: Callable[[], tuple[Path, ...]] = tuple
    memory_bytes: int = 0
    groups: cgroup.Parents = field(default_factory=lambda: cgroup.Parents(None, None))
    patience: float = 1.0
    carrier: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def box(self, folder: Path, files: Sequence[Path]) -> Box:
        """The box of a child with this folder and these files."""
        return Box(folder, tuple(files), self.trees, self.nodes(), self.hidden)

    @property
    def relays_signals(self) -> bool:
        """Whether what is started here tells a signal n of the child as exit status 128 + n."""
        return self.level.OWN_PROCESS_IDS or bool(self.carrier)

    def command(
        self,
        module: str,
        words: tuple[str, tuple[str, ...]],
        folder: Path,
        files: Sequence[Path],
        threads: int = 1,
    ) -> tuple[str, ...]:
        """The command of a child, in its box or on its way to its device.

        A carrier is our own program and gets no box: the box would keep it from the device. What it
        carries is confined there, by the limits that it sets itself.

        Args:
            module: what the child runs.
            words: its first argument, and those that follow process id and limits.
            folder: its own.
            files: what else it may read.
            threads: of its workload.
        """
        first, rest = words
        parent = 1 if self.level.OWN_PROCESS_IDS else os.getpid()
        child = (module, first, str(parent), *map(str, self.rlimits(threads)), *rest)
        if self.carrier:
            return (*self.carrier, *child)
        return self.level.wrap(self.box(folder, files), (sys.executable, "-m", *child))

    def of(
        self,
        device: DeviceDescription,
        nodes: Callable[[], tuple[Path, ...]],
        carrier: tuple[str, ...] = (),
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> Confinement:
        """The same for the children of one device, which gives them its nodes.

        What is carried to another machine has no level of this one.
        """
        of_host = _all_memory() if device.hardware_class.is_gpu else device.memory_bytes
        return replace(
            self,
            level=levels()[RLIMITS] if carrier else self.level,
            carrier=carrier,
            variables=variables,
            hardware_class=device.hardware_class,
            nodes=nodes,
            memory_bytes=self.memory_bytes or memory_limit(of_host),
            patience=SLOW if device.realness is Realness.EMULATED else 1.0,
        )

    def open_group(self) -> cgroup.ControlGroup:
        """A control group for one child; an empty one where there are none.

        Raises:
            Refused: there were some at the start and are no more; no child runs without limits.
        """
        try:
            return self.groups.open(self.memory_bytes or _all_memory(), PROCESSES)
        except OSError as error:
            raise Refused(
                Code.SANDBOX_UNAVAILABLE, f"No control group can be made any more: {error}."
            ) from error

    def rlimits(self, threads: int) -> tuple[int, int]:
        """Address space in bytes and processes that the child limits itself to; 0 for no limit.

        Only where no control group does it better. Address space is a poor measure: it counts
        what is reserved and never touched, and a GPU's driver reserves more than there is.
        """
        space = processes = 0
        if not self.groups.memory and self.memory_bytes and not self.hardware_class.is_gpu:
            space = self.memory_bytes + _RESERVED_BYTES + threads * _RESERVED_PER_THREAD_BYTES
        if not self.groups.pids and os.geteuid() != 0:
            processes = PROCESSES + _threads_of_user()
        return space, processes


async def find_confinement(config: AgentConfig, say: Callable[[str], None]) -> Confinement:
    """Decides once, at the start of an agent, and says what was found.

    Args:
        config: the agent's settings.
        say: prints one line.

    Raises:
        Refused: the wanted level does not work, or none does and the coordinator is elsewhere.
    """
    box = start_box(config.folder, config.home, config.plugins)
    found = await survey(config.sandbox, box)
    refuse_strangers(found.level, config.coordinator, config.allow_unsandboxed)
    groups = await asyncio.to_thread(cgroup.find)
    await asyncio.to_thread(groups.end_leftovers)
    say(f"Sandbox: {in_words(found)}; {_limits_in_words(groups)}.")
    return Confinement(
        level=found.level,
        trees=box.trees,
        hidden=box.hidden,
        memory_bytes=config.child_memory_bytes or 0,
        groups=groups,
    )


def start_box(folder: Path, home: Path, plugins: Sequence[Path]) -> Box:
    """A box without files, to try levels with.

    Args:
        folder: the agent's own state folder.
        home: the state folder of Bitgauge, which holds tokens.
        plugins: further folders of plug-ins.
    """
    return Box(folder / "work", (), runtime_trees((_OWN,), plugins), (), (home.resolve(),))


def _limits_in_words(groups: cgroup.Parents) -> str:
    names = [name for name in ("memory", "pids") if getattr(groups, name)]
    if len(names) == 2:
        return "memory and processes limited by control groups"
    if os.geteuid() == 0 and not groups.pids:
        return "no limit on the number of processes (root without a pids control group)"
    return "memory and processes limited by rlimits"


def refuse_strangers(level: Level, coordinator: str, allowed: bool) -> None:
    """At `rlimits` only the owner's own artifacts run.

    An agent is not told who submitted a job. What it can tell is where the coordinator is: one
    that it reaches by loopback runs on this machine, under somebody who has an account here, and
    its artifacts count as the owner's own. That is a convention, not a proof: a coordinator that
    listens on other addresses too passes on what others submit.

    Raises:
        Refused: the coordinator is elsewhere, and it was not `allowed`.
    """
    if level.NAME == RLIMITS and not allowed and not is_loopback(coordinator):
        raise Refused(
            Code.SANDBOX_REQUIRED,
            f"No sandbox works on this device (level {RLIMITS}), and the coordinator"
            f" {coordinator} is on another machine: an artifact from there could read and change"
            " whatever this agent can.",
        )


def is_loopback(address: str) -> bool:
    """Whether ``HOST:PORT`` can only be reached on this machine."""
    host = address.rpartition(":")[0].strip("[]") or address
    if host == "localhost" or address.startswith("unix:"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def memory_limit(memory_bytes: int) -> int:
    """What a child may use of a device's memory: all but what the agent and the system need."""
    return memory_bytes - min(_RESERVE_BYTES, memory_bytes // _RESERVE_SHARE)


def _threads_of_user() -> int:
    """Threads that this user runs now: the kernel counts them all against one limit."""
    count, user = 0, os.getuid()
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.uids().real == user:
                count += one.num_threads()
    return count


def _all_memory() -> int:
    return int(psutil.virtual_memory().total)
