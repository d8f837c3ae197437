"""A device's machine: a disk with a page cache, processes that may live too long, two clocks.

Each operation can be cut by a crash before, in its middle and after. A process that dies keeps
what it wrote; a power cut keeps only what was synced, and of the rest whatever chance will have.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.host.machine import Machine
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.agents.launcher.supervision import Listener
from bitgauge.agents.spec import ChildSpec, Event
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from .loop import PROCESS
from .world import WALL_EPOCH_S, World

SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class Child:
    mark: str
    pid: int


class SimMachine(Machine):
    """One device's machine, over every life of its agent."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        self._files: dict[str, bytes] = {}
        self._synced: dict[str, bytes] = {}
        self._jumped_ns = 0
        self._boots = 0
        self._pids = 100
        self._measured: dict[str, float] = {}
        self.children: dict[int, Child] = {}

    # -- files ----------------------------------------------------------------------------
    def make_folder(self, folder: Path) -> None:
        """Folders are there."""

    def fresh_folder(self, folder: Path) -> None:
        self.drop_folder(folder)

    def drop_folder(self, folder: Path) -> None:
        self._world.step("dropping a folder")
        for files in (self._files, self._synced):
            for name in [name for name in files if name.startswith(f"{folder}/")]:
                del files[name]

    def place(self, path: Path, what: Path | bytes) -> None:
        """What a child loads is not looked at here."""

    def names(self, folder: Path) -> list[str]:
        start = f"{folder}/"
        return sorted(name[len(start) :] for name in self._files if name.startswith(start))

    def read(self, path: Path) -> bytes:
        return self._files[str(path)]

    def write(self, path: Path, data: bytes) -> None:
        name = str(path)
        short = f"{path.parent.name}/{path.name[:8]}"
        self._world.step(f"writing {short}")
        if self._world.chance(self._world.weather.full):
            self._world.tell(self._name, f"disk full, writing {short}")
            self._measured.pop(path.stem, None)
            raise OSError(errno.ENOSPC, "No space left on device")
        self._files[name] = data
        self._world.step(f"wrote {short}, not synced")
        self._synced[name] = data
        if "reports/" in name:
            self._world.tell(self._name, f"spooled {path.name[:8]}")
            self._world.spooled[path.stem] = self._name
            self._measured.pop(path.stem, None)
        self._world.step(f"wrote {short}")

    def keep(self, path: Path, folder: Path, limit_bytes: int = 0) -> Digest:
        self._world.step("keeping a raw file")
        data = self._files.pop(str(path))
        found = Digest(hashlib.sha256(data).hexdigest(), len(data))
        self._files[f"{folder}/{found.sha256}"] = data
        self._world.step("kept a raw file, not synced")
        self._synced[f"{folder}/{found.sha256}"] = data
        self._synced.pop(str(path), None)
        self._measured[path.parent.parent.name] = self._world.loop.time()
        self._world.step("kept a raw file")
        return found

    def rename(self, path: Path, name: str) -> None:
        self._files[f"{path.parent}/{name}"] = self._files.pop(str(path))

    def remove(self, path: Path) -> None:
        short = f"{path.parent.name}/{path.name[:8]}"
        self._world.step(f"removing {short}")
        self._files.pop(str(path), None)
        self._world.step(f"removed {short}, not synced")
        self._synced.pop(str(path), None)
        self._measured.pop(path.stem, None)
        self._world.step(f"removed {short}")

    def sync(self, folder: Path) -> None:
        start = f"{folder}/"
        self._world.step(f"syncing {folder.name}")
        for name in [name for name in self._synced if name.startswith(start)]:
            del self._synced[name]
        for name in [name for name in self._files if name.startswith(start)]:
            self._synced[name] = self._files[name]

    def discard(self, path: Path) -> None:
        self._files.pop(str(path), None)

    def is_durable(self, path: Path) -> bool:
        """Whether a power cut now would leave the file."""
        return str(path) in self._synced

    def exists(self, path: Path) -> bool:
        """Whether the file is there now."""
        return str(path) in self._files

    # -- processes ------------------------------------------------------------------------
    def boot_id(self) -> str:
        return f"{self._name} boot {self._boots}"

    def machine_id(self) -> str:
        return self._name

    def host_name(self) -> str:
        return self._name

    def place_of(self, folder: Path) -> str:
        return str(folder)

    def start_ticks(self, pid: int) -> int | None:
        return pid if pid in self.children else None

    def end(self, mark: str, pid: int | None, ticks: int | None) -> bool:
        self._world.step("ending leftovers")
        for one in [one for one in self.children.values() if one.mark == mark]:
            if self._world.chance(self._world.weather.stuck):
                self._world.tell(self._name, f"child {one.pid} does not end")
                return False
            del self.children[one.pid]
        return True

    def crash(self, power: bool) -> None:
        """The agent is dead, or the whole machine."""
        world = self._world
        for run, since in self._measured.items():
            # A crash between raw file and report costs the run; nothing may take its time there.
            if world.loop.time() - since > 1.0:
                world.violated(f"run {run} was measured and is lost")
        self._measured.clear()
        if power:
            self._boots += 1
            self.children.clear()
            names = set(self._files) | set(self._synced)
            after = {
                name: source[name]
                for name in sorted(names)
                for source in [world.rng.choice((self._files, self._synced))]
                if name in source
            }
            self._files, self._synced = dict(after), dict(after)
            world.tell(self._name, "POWER CUT")
        elif self.children and not world.chance(world.weather.orphan):
            self.children.clear()
        elif self.children:
            world.tell(self._name, f"child {min(self.children)} lives on")

    async def launch(
        self, spec: ChildSpec, folder: Path, mark: str, limits: PhaseLimits, listener: Listener
    ) -> ChildExit:
        """A child as production's `run_child` would run it."""
        world = self._world
        world.step("spawning a child")
        if self.children:
            world.violated(f"two children measure on {self._name} at once")
        self._pids += 1
        child = self.children[self._pids] = Child(mark, self._pids)
        self._require_intent(folder.parent.name)
        # A run that still has something to measure may be lost by a crash.
        self._measured.pop(folder.parent.name, None)
        try:
            await listener.spawned(child.pid)
            return await self._measure(spec, listener)
        finally:
            process = PROCESS.get()
            if process is not None and process.alive:
                self.children.pop(child.pid, None)

    def _require_intent(self, run: str) -> None:
        intents = [name for name in self._synced if f"intents/{run}" in name]
        if not intents:
            self._world.violated(f"a child of run {run} without an intent on the disk")

    async def _measure(self, spec: ChildSpec, listener: Listener) -> ChildExit:
        rng, weather = self._world.rng, self._world.weather
        await asyncio.sleep(rng.uniform(0.1, 2.0))
        listener.phase("measure")
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(rng.uniform(0.1, 6.0))
            await listener.gap(Event("gap", hold_ms=rng.choice((0, 0, 500, 20_000))))
        if self._world.chance(weather.bad_child):
            end = rng.choice((11, 9, 0))
            self._world.tell(self._name, f"child ends badly ({end})")
            return ChildExit(False, code="" if end else "bad_model", signal=end, phase="measure")
        listener.phase("write")
        self._world.step("the child writes its result")
        self._files[spec.result] = f"{spec.result} {uuid.uuid4()}".encode()
        return ChildExit(done=True, phase="write")

    # -- clocks ---------------------------------------------------------------------------
    def boottime_ns(self) -> int:
        return round(self._world.loop.time() * SECOND_NS)

    def unix_ns(self) -> int:
        return round((WALL_EPOCH_S + self._world.loop.time()) * SECOND_NS) + self._jumped_ns

    def jump(self) -> None:
        jump_s = self._world.rng.uniform(-3600, 3600)
        self._jumped_ns += round(jump_s * SECOND_NS)
        self._world.tell(self._name, f"clock jumps by {jump_s:+.1f} s")
