"""Readers over files of sysfs, which stay open and are read with one `pread` each."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .base import MeterForbidden, MeterLost, Reading

_BYTES = 64


class FileReader:
    """A meter whose value is computed from integers in files.

    Args:
        paths: one file for each integer.
        value: millijoules or milliwatts from these integers.
        is_counter: whether it is energy since some moment.
        wraps_at_mj: where a counter begins again at 0.

    Raises:
        MeterLost: a file cannot be opened; `MeterForbidden` when that needs a permission.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        value: Callable[[Sequence[int]], float],
        *,
        is_counter: bool,
        wraps_at_mj: float | None = None,
    ) -> None:
        self.is_counter = is_counter
        self.wraps_at_mj = wraps_at_mj
        self._value = value
        self._open: list[int] = []
        try:
            for path in paths:
                self._open.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            self.close()
            raise _lost(error) from error

    def read(self) -> Reading:
        """The present value; see `base.EnergyReader`."""
        try:
            found = [int(os.pread(one, _BYTES, 0)) for one in self._open]
        except (OSError, ValueError) as error:
            raise _lost(error) from error
        return Reading(self._value(found), time.monotonic_ns())

    def close(self) -> None:
        """Closes the files."""
        for one in self._open:
            with contextlib.suppress(OSError):
                os.close(one)
        self._open = []


def _lost(error: OSError | ValueError) -> MeterLost:
    kind = MeterForbidden if isinstance(error, PermissionError) else MeterLost
    return kind(f"{error}")
