"""What the processors of a package did, which is what its energy counter counts (C-7)."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path

from ...host.files import whole
from ...host.load import busy_ticks


class PackageLoad:
    """Processor time of others on every package that this process may run on.

    A package counter shows what all of its processors used, also those outside the cpuset.

    Args:
        root: file system root; tests give a directory tree.
        own: logical processors of this process; asked from the system when not given.
        ticks_per_second: unit of `/proc/stat`; asked from the system when not given.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        *,
        own: Collection[int] | None = None,
        ticks_per_second: int | None = None,
    ) -> None:
        self._stat = root / "proc/stat"
        self._tick_ns = 1_000_000_000 / (ticks_per_second or os.sysconf("SC_CLK_TCK"))
        self._members = members(root, own if own is not None else os.sched_getaffinity(0))

    def foreign_ns(self) -> float:
        """Time of other processes so far, per processor of the package; NaN when unknown."""
        try:
            ticks = busy_ticks(self._stat.read_bytes(), self._members)
        except (OSError, ValueError, IndexError):
            return float("nan")
        if not ticks:
            return float("nan")
        return (sum(ticks) * self._tick_ns - time.process_time_ns()) / len(ticks)


def members(root: Path, own: Collection[int]) -> frozenset[int] | None:
    """The processors of the packages of `own`; None where the kernel does not tell packages."""
    packages = {
        int(path.name.removeprefix("cpu")): whole(path / "topology/physical_package_id")
        for path in (root / "sys/devices/system/cpu").glob("cpu[0-9]*")
    }
    mine = {packages.get(cpu) for cpu in own} - {None}
    return frozenset(cpu for cpu, package in packages.items() if package in mine) or None
