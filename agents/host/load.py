"""What the kernel counts of everybody: processor time, pressure and load, from their files."""

from __future__ import annotations

from collections.abc import Collection

_NAN = float("nan")
_STEAL_FIELD = 8  # in the first line of /proc/stat, see proc_stat(5)
_BUSY_FIELDS = (1, 2, 3, 6, 7)  # user, nice, system, irq, softirq


def processor_ticks(stat: bytes, scale: float = 1.0) -> tuple[float, float]:
    """What the hypervisor gave to others, and what all processes used, since boot.

    Args:
        stat: ``/proc/stat``; its first line sums the processors, see proc_stat(5).
        scale: what a tick is worth.

    Returns:
        Stolen and busy ticks, times `scale`; NaN where an old kernel does not say it.
    """
    fields = stat.split(b"\n", 1)[0].split()
    stolen = float(fields[_STEAL_FIELD]) * scale if len(fields) > _STEAL_FIELD else _NAN
    if len(fields) <= max(_BUSY_FIELDS):
        return stolen, _NAN
    return stolen, _busy(fields) * scale


def busy_ticks(stat: bytes, of: Collection[int] | None) -> list[int]:
    """Busy ticks since boot of some processors, or of all that ``/proc/stat`` names."""
    found = []
    for line in stat.splitlines():
        name, *_ = fields = line.split() or [b""]
        number = name.removeprefix(b"cpu")
        if number != name and number.isdigit() and (of is None or int(number) in of):
            found.append(_busy(fields))
    return found


def _busy(fields: list[bytes]) -> int:
    return sum(int(fields[at]) for at in _BUSY_FIELDS)


def load_average(loadavg: bytes) -> float:
    """The load average of the last minute, of ``/proc/loadavg``."""
    return float(loadavg.split(None, 1)[0])


def pressure_avg10(pressure: bytes) -> float:
    """Per cent of the last 10 s in which some task waited, of a file of ``/proc/pressure``."""
    for part in pressure.split(b"\n", 1)[0].split():
        if part.startswith(b"avg10="):
            return float(part[6:])
    return _NAN
