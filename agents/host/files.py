"""Small files of /proc and /sys: read once, or kept open and read again and again."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_FIRST_READ_BYTES = 512


def text(path: Path) -> str:
    """The text of a file without blanks around it; empty when it cannot be read."""
    try:
        return path.read_text("utf-8", errors="replace").strip("\0 \n\t")
    except OSError:
        return ""


def whole(path: Path) -> int | None:
    """The integer in a file; None when there is none."""
    try:
        return int(text(path))
    except ValueError:
        return None


def number(path: Path, scale: float = 1.0) -> float | None:
    """The number in a file, times `scale`; None when there is none, or no finite one."""
    return parsed(path, lambda data: float(data) * scale)


def parsed(path: Path, parse: Callable[[bytes], float]) -> float | None:
    """What `parse` makes of a file; None when it cannot be read or holds no finite number."""
    try:
        value = parse(path.read_bytes())
    except (OSError, ValueError, IndexError):
        return None
    return value if math.isfinite(value) else None


def kilobytes(path: Path, names: Collection[str]) -> dict[str, int]:
    """Fields that a file of /proc gives in kB, in bytes; what it lacks is left out."""
    found: dict[str, int] = {}
    for line in text(path).splitlines():
        name, _, rest = line.partition(":")
        if name in names and rest.endswith("kB"):
            found[name] = int(rest.split()[0]) * 1024
    return found


def counted(path: Path, name: str) -> int | None:
    """A counter in a file with a name and a number on each line; None when it is not there."""
    for line in text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return None


class OpenFile(Generic[T]):
    """A file that stays open and is read with one `pread` each time.

    Args:
        path: which file; None when there is none.
        parse: makes a value of its first bytes.
        unread: the value where it cannot be opened, read or parsed.
    """

    def __init__(self, path: Path | None, parse: Callable[[bytes], T], unread: T) -> None:
        self._parse = parse
        self._unread = unread
        self._descriptor = -1
        if path is not None:
            with contextlib.suppress(OSError):
                self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def is_open(self) -> bool:
        """Whether there is anything to read."""
        return self._descriptor >= 0

    def value(self) -> T:
        """The present value."""
        if self._descriptor < 0:
            return self._unread
        try:
            return self._parse(os.pread(self._descriptor, _FIRST_READ_BYTES, 0))
        except (OSError, ValueError, IndexError):
            return self._unread

    def close(self) -> None:
        """Closes the file; from then on its value is the unread one."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
