"""Which level of confinement works here, found out by trying it on a small child.

A level that is installed may still not work: user namespaces are switched off, a container
forbids them, a tree is missing. So a child is started under it that tries what it must be able
to do and what it must not.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

from bitgauge.benchmarks.sandbox.base import RLIMITS, Box, Level, levels
from bitgauge.benchmarks.sandbox.found import Survey, considered, none_works

from ..host import process
from ..spec import TRIAL
from .environment import child_environment

_TRIAL_S = 30.0
_GIVEN = "for children"


async def survey(wanted: str, box: Box) -> Survey:
    """The strongest level that works, or the wanted one.

    Args:
        wanted: name of a level, or `AUTO`.
        box: of a child; its folder need not exist.

    Raises:
        Refused: the wanted level does not work here.
    """
    refused: list[tuple[str, str]] = []
    for name, level in considered(wanted, levels()).items():
        why = level.missing(box) or await _tried(level, box)
        if why is None:
            return Survey(level, tuple(refused))
        refused.append((name, why))
    raise none_works(wanted, refused[0][1])


_TRIED: dict[tuple[str, tuple[Path, ...]], str | None] = {}


async def _tried(level: Level, box: Box) -> str | None:
    """Why a level does not work, found out once per process."""
    key = (level.NAME, box.trees)
    if level.NAME != RLIMITS and key not in _TRIED:
        _TRIED[key] = await _try(level, box)
    return _TRIED.get(key)


def _lay_out(name: str) -> tuple[Path, Path, Path, Path]:
    """The place of a trial, the child's folder in it, a file for it and one not for it."""
    place = Path(name).resolve()
    folder, given, secret = place / "own", place / "given", place / "secret"
    folder.mkdir()
    given.write_text(_GIVEN, "ascii")
    secret.write_text("not for children", "ascii")
    return place, folder, given, secret


async def _try(level: Level, box: Box) -> str | None:
    """Runs `trial` under a level; a sentence about what is wrong, if anything is."""
    with tempfile.TemporaryDirectory(prefix="bitgauge-trial-") as name:
        place, folder, given, secret = _lay_out(name)
        network = os.stat("/proc/self/ns/net").st_ino
        inner = Box(folder, (given,), box.trees, box.devices, box.hidden)
        command = (
            *(sys.executable, "-m", TRIAL),
            *(str(folder), str(given), str(secret), str(network)),
        )
        child = await asyncio.create_subprocess_exec(
            *level.wrap(inner, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
            env=child_environment(os.environ, mark="trial", threads=1, folder=folder),
        )
        try:
            said, _ = await asyncio.wait_for(child.communicate(), _TRIAL_S)
        except asyncio.TimeoutError:
            return f"a child under it did not end within {_TRIAL_S:.0f} s."
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await asyncio.to_thread(process.end_orphans, child.pid)
        if (place / "beside").exists() or given.read_text("ascii") != _GIVEN:
            return "a child under it could write outside its folder."
        if child.returncode == 0 and (folder / "proof").exists():
            return None
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return f"a child under it said: {lines[-1] if lines else 'nothing'}."
