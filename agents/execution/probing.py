"""The saturation probe at enrolment: what the kernels of each runtime really do here, how fast.

It runs once per stack, in a confined child, and its result is kept in the state folder: a change
of runtime, driver, processor or kernel changes the stack's fingerprint and so asks again. A probe
that fails costs the runs their kernel mode and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from bitgauge.benchmarks.common.files import open_made, remove_tree, write_durably
from bitgauge.benchmarks.raw.anchors import READING, Anchors, as_items, readable, together
from bitgauge.benchmarks.vocabulary.enums import Capability
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.fingerprint import fingerprint, stack_of
from bitgauge.benchmarks.vocabulary.kernel_modes import PROBE_VERSION
from bitgauge.benchmarks.vocabulary.values.devices import (
    DeviceDescription,
    RuntimeDescription,
    StackItem,
)

from ..host import process
from ..launcher.supervision import ended_by
from ..sandbox.cgroup import ControlGroup
from ..sandbox.confinement import Confinement
from ..sandbox.environment import child_environment
from ..spec import PROBE
from ..storage.identity import PROBING

PROBE_S = 60.0

_PROBED = frozenset({Capability.KERNELS, Capability.ANCHORS})
_FOLDER = "kernels"
_OWN = PROBING
MAX_MAP_BYTES = 1 << 20
"""Of what a child of the probe writes, which is some kilobytes."""
_MAX_MODES = 1_000
_NAME = re.compile(r"[A-Za-z][\w.+]{0,80}")
_MODE = re.compile(r"[a-z][a-z0-9_]{0,20}")


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """What the child wrote, and what is kept of it; bad anchors must not cost the map."""

    modes: dict[str, str] | None = None
    anchors: Any = None
    problem: str | None = None


class ProbeFailed(Exception):
    """A probe gave no map, for this reason."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


async def with_kernel_modes(
    device: DeviceDescription,
    confinement: Confinement,
    *,
    folder: Path,
    plugins: Sequence[Path],
    say: Callable[[str], None],
) -> DeviceDescription:
    """The device with the probe map of each runtime that declares one, and new fingerprints.

    `device` describes itself without any probe map; a probe that fails is told by `say`.
    """
    probed = []
    for runtime in device.runtimes:
        if _PROBED.isdisjoint(runtime.capabilities):
            probed.append(runtime)
            continue
        known = _place(folder, runtime)
        said = await asyncio.to_thread(_read, known)
        if said is None:
            try:
                timed = device.realness.keeps_time
                said = await _probe(runtime.name, confinement, folder, plugins, timed=timed)
            except ProbeFailed as failed:
                say(f"The kernels of {runtime.name} were not probed: {failed.sentence}")
                probed.append(runtime)
                continue
            await asyncio.to_thread(_keep, known, said)
        probed.append(_described(device, runtime, said))
    return replace(device, runtimes=tuple(probed))


async def read_again(
    name: str,
    device: DeviceDescription,
    confinement: Confinement,
    *,
    folder: Path,
    plugins: Sequence[Path],
) -> tuple[StackItem, ...]:
    """A fresh reading of a runtime's anchors beside those that are kept; the most of both.

    Args:
        name: the runtime.
        device: as it describes itself without any probe map.
        confinement: what the probe's child is put into.
        folder: the agent's state folder.
        plugins: further folders of plug-ins.

    Raises:
        ProbeFailed: there is no fresh reading, for this reason.
    """
    runtime = next(one for one in device.runtimes if one.name == name)
    place = _place(folder, runtime)
    kept = await asyncio.to_thread(_read, place)
    fresh = await _probe(name, confinement, folder, plugins)
    if not fresh.anchors:
        raise ProbeFailed("its child measured no anchors.")
    known = Anchors(kept.anchors or {}) if kept is not None else Anchors({})
    both = together((known, Anchors(fresh.anchors)))
    assert both is not None, "the fresh reading is one"
    fresh.anchors = {**both.values, READING: known.reading + 1}
    await asyncio.to_thread(_keep, place, fresh)
    return as_items(fresh.anchors)


def with_known_modes(device: DeviceDescription, folder: Path) -> DeviceDescription:
    """The device with the probe maps that are kept; nothing is probed."""
    maps = [(runtime, _read(_place(folder, runtime))) for runtime in device.runtimes]
    described = (
        runtime if said is None else _described(device, runtime, said) for runtime, said in maps
    )
    return replace(device, runtimes=tuple(described))


def _place(folder: Path, runtime: RuntimeDescription) -> Path:
    """Where the map of a runtime on its present stack is kept."""
    return folder / _FOLDER / runtime.name / f"{runtime.fingerprint}.{PROBE_VERSION}.json"


def _described(
    device: DeviceDescription, runtime: RuntimeDescription, said: Said
) -> RuntimeDescription:
    items = tuple(StackItem(name, mode) for name, mode in sorted((said.modes or {}).items()))
    described = replace(runtime, kernel_modes=items, anchors=as_items(said.anchors or {}))
    return replace(described, fingerprint=fingerprint(stack_of(device.stack, described)))


def _read(path: Path) -> Said | None:
    """A map that was kept; None when there is none, or one that cannot be used."""
    with contextlib.suppress(OSError, ProbeFailed):
        return checked(path.read_bytes())
    return None


def _keep(path: Path, said: Said) -> None:
    """Keeps a map in place of those of older stacks; without room it is probed again."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        for older in path.parent.glob("*.json"):
            older.unlink(missing_ok=True)
        write_durably(path, msgspec.json.encode(said))


def checked(data: bytes) -> Said:
    """The map in what a child wrote, and its anchors where they can be used.

    Raises:
        ProbeFailed: it wrote a problem, or nothing that can be used.
    """
    try:
        said = msgspec.json.decode(data[:MAX_MAP_BYTES], type=Said)
    except (ValueError, RecursionError) as error:
        raise ProbeFailed("its child wrote no map.") from error
    if said.modes is None:
        raise ProbeFailed(said.problem or "its child wrote no map.")
    named = all(
        _NAME.fullmatch(name) and _MODE.fullmatch(mode) for name, mode in said.modes.items()
    )
    if not named or len(said.modes) > _MAX_MODES:
        raise ProbeFailed("its child wrote a map of other names than operators and modes.")
    if not readable(said.anchors):
        said.anchors = None
    return said


async def _probe(
    name: str,
    confinement: Confinement,
    folder: Path,
    plugins: Sequence[Path],
    *,
    timed: bool = True,
) -> Said:
    """Asks a runtime in a child of its own; how fast it is only where time means anything."""
    try:
        group = await asyncio.to_thread(confinement.open_group)
    except BitgaugeError as error:
        raise ProbeFailed(error.sentence) from error
    try:
        own = await asyncio.to_thread(_fresh_folder, folder)
        result = own / "modes.json"
        try:
            end = await _run(name, result, confinement, group, plugins, timed=timed)
        except ProbeFailed:
            if not result.exists():
                raise
        else:
            if not result.exists():
                raise ProbeFailed(f"its child {end} and wrote no map.")
        return checked(await asyncio.to_thread(_read_made, result))
    except OSError as error:
        raise ProbeFailed(f"the system says: {error}.") from error
    finally:
        group.close()
        await asyncio.to_thread(remove_tree, folder / _OWN)


def _read_made(result: Path) -> bytes:
    with os.fdopen(open_made(result, MAX_MAP_BYTES), "rb") as file:
        return file.read()


def _fresh_folder(folder: Path) -> Path:
    own = folder / _OWN
    remove_tree(own)
    own.mkdir(parents=True)
    return own.resolve()


async def _run(
    name: str,
    result: Path,
    confinement: Confinement,
    group: ControlGroup,
    plugins: Sequence[Path],
    *,
    timed: bool,
) -> str:
    """Runs the child to its end, ends whatever it started, and says how it ended."""
    own = result.parent
    patience_s = PROBE_S * confinement.patience
    words = (name, (str(int(timed)), str(result), *map(str, plugins)))
    mark = secrets.token_hex(16)
    with contextlib.ExitStack() as alive:
        alive.enter_context(process.living(mark))
        child = await asyncio.create_subprocess_exec(
            *group.enter,
            *confinement.command(PROBE, words, own, ()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            cwd=own,
            env=child_environment(
                os.environ, mark=mark, threads=1, folder=own, of_device=confinement.variables
            ),
        )
        try:
            code = await asyncio.wait_for(child.wait(), patience_s)
        except asyncio.TimeoutError as error:
            raise ProbeFailed(f"its child did not end within {patience_s:.0f} s.") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
            alive.close()
            await asyncio.to_thread(process.end_orphans, child.pid)
    return _in_words(*ended_by(code, relayed=confinement.relays_signals))


def _in_words(number: int, status: int) -> str:
    """How a child ended, of which signal number and exit status one is 0."""
    if not number:
        return f"ended with status {status}"
    known = number in list(signal.Signals)
    return f"was ended by {signal.Signals(number).name if known else f'signal {number}'}"
