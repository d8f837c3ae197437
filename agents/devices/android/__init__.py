"""Android phones behind adb: each is a device of its own, and a host of its own.

The agent runs on the machine that the phones are plugged into; what is measured runs on the phone,
carried there by a program of its own (`carry`). With an empty unit the phone is meant that this
process runs on, as children ask.
"""

from __future__ import annotations

import functools
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ...host.rest import Heat
from .. import cpu
from ..base import ConditionReader, DeviceFacts, Fact, Unit

if TYPE_CHECKING:
    from ._survey import Surveyed

NAME = "android"
RANK = 5
HINT = "plug a phone in, allow this computer on it, and run: adb start-server"

_CARRY = f"{__package__}.carry"
_LOOK_S = 2.0


def probe() -> tuple[Unit, ...]:
    """The phones that adb lists and that may be used; none where no server of adb runs.

    Raises:
        BitgaugeError: none of those listed can be used, and why.
    """
    import shutil

    from ._adb import found
    from .listing import ADB, server_port, server_version

    port = server_port()
    if shutil.which(ADB) is None or server_version(port) is None:
        return ()
    here, refused = found(port)
    if refused and not here:
        raise refused[0]
    return tuple(Unit(one.name, one.name, one.name) for one in here)


def describe(unit: str) -> DeviceFacts:
    """What a phone is, and what runs on it."""
    return _surveyed(unit).facts


@functools.lru_cache
def _surveyed(unit: str) -> Surveyed:
    """Asked once in the agent's life: a phone whose stack changes has started again."""
    from ._adb import phone
    from ._survey import surveyed
    from .listing import server_port

    return surveyed(phone(unit, server_port()))


def carrier(unit: str) -> tuple[str, ...]:
    """The program that carries a child to a phone."""
    way = _surveyed(unit).route
    return () if way is None else (sys.executable, "-m", _CARRY, way.word())


def hindrance(unit: str) -> str | None:
    """Why a phone can do no job now: it is away, its battery is low, it is hot."""
    from ._adb import phone
    from ._health import SCRIPT, health, require_fit
    from ._survey import asked, facts_of
    from ._words import sections
    from .listing import server_port

    known = _surveyed(unit)
    try:
        here = phone(unit, server_port())
        now = health(sections(here.shell(SCRIPT)))
        require_fit(now, unit)
        if now.boot_id != known.boot_id and facts_of(asked(here), unit).stack != known.system:
            return f"The phone {unit} has another system now: restart its agent."
    except BitgaugeError as error:
        return str(error)
    return None


def conditions(unit: str = "") -> ConditionReader:
    """Those of the phone's processor."""
    return cpu.conditions()


def preflight(unit: str = "") -> dict[str, Fact]:
    """What surrounds a launch that is about to begin; asked on the phone itself."""
    from ._health import SCRIPT, facts, health
    from ._launch import FIXED_VARIABLE
    from ._words import sections

    return {
        **cpu.preflight(),
        **facts(health(sections(_here(SCRIPT)))),
        "fixed_performance": os.environ.get(FIXED_VARIABLE),
    }


def rest(unit: str = "") -> Heat:
    """On the phone its processor's heat; from the host the battery's, where Android tells it."""
    if not unit:
        return cpu.rest()
    known = _surveyed(unit).is_android
    return Heat(functools.partial(_battery_c, unit) if known else _not_told)


def _not_told() -> float:
    return math.nan


def _battery_c(unit: str) -> float:
    """Asked rarely and not waited for: a phone that is away is said so elsewhere."""
    from ._adb import phone
    from ._health import SCRIPT, health
    from ._words import sections
    from .listing import server_port

    try:
        told = phone(unit, server_port()).shell(SCRIPT, _LOOK_S)
    except BitgaugeError:
        return math.nan
    found_c = health(sections(told)).battery.temperature_c
    return math.nan if found_c is None else found_c


def _here(script: str) -> str:
    """What a script prints on this machine; nothing where it fails."""
    import subprocess

    try:
        done = subprocess.run(
            ("sh", "-c", script), capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def nodes(unit: str = "") -> tuple[Path, ...]:
    """None: children run on the phone."""
    return ()
