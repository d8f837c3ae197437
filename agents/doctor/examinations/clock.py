"""The processor's clocks: who sets the frequency, and what time is read from.

Sources: the kernel's admin-guide/pm/cpufreq (governors) and timers/timekeeping (clock sources).
"""

from __future__ import annotations

from collections.abc import Iterator

from ...devices.cpu._preflight import read_preflight
from ...host.files import text
from ..base import Observation, Patient, State

NAME = "clock"
RANK = 70

_SOURCES = "sys/devices/system/clocksource/clocksource0"
_GOOD_SOURCES = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page")
_STEADY = "performance"


def examine(patient: Patient) -> Iterator[Observation]:
    """Governor and clock source."""
    yield _governor(str(read_preflight(patient.root)["governor"] or ""))
    source = text(patient.root / _SOURCES / "current_clocksource")
    if source:
        yield _source(source, text(patient.root / _SOURCES / "available_clocksource").split())


def _governor(governor: str) -> Observation:
    if not governor:
        return Observation(
            *("governor", State.NOTE, "not readable"),
            "Clocks that change are not seen then; each block's own pace is all there is.",
        )
    if governor == _STEADY:
        return Observation("governor", State.GOOD, governor)
    return Observation(
        *("governor", State.MEND, governor),
        "The clock follows the load, so that a short block runs slower than a long one.",
        "as root: for f in /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor;"
        " do echo performance > $f; done",
    )


def _source(source: str, available: list[str]) -> Observation:
    if source in _GOOD_SOURCES:
        return Observation("clock source", State.GOOD, source)
    better = next((one for one in _GOOD_SOURCES if one in available), None)
    return Observation(
        *("clock source", State.MEND if better else State.NOTE, source),
        "Reading it takes microseconds, which a short call would show as its own.",
        f"as root: echo {better} > /{_SOURCES}/current_clocksource" if better else "",
    )
