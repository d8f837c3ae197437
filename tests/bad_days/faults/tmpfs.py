"""Small disks of our own: a tmpfs that can be filled, freed and made read-only. Needs root."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PIECE = b"\0" * 65_536


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)


def _why_not(folder: Path) -> str | None:
    if os.geteuid() != 0:
        return "mounting a tmpfs needs root"
    if shutil.which("mount") is None:
        return "there is no mount command"
    try:
        _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    except subprocess.CalledProcessError as error:
        return f"no tmpfs can be mounted here: {error.stderr.strip()}"
    subprocess.run(["umount", str(folder)], check=True)
    return None


@dataclass
class Disk:
    """A mounted tmpfs."""

    root: Path

    def fill(self, leave_bytes: int = 0) -> None:
        """Leave so many bytes free, exactly as far as pages allow."""
        with (self.root / "filler").open("ab", buffering=0) as file:
            while (free := shutil.disk_usage(self.root).free) > leave_bytes:
                try:
                    file.write(PIECE[: min(len(PIECE), free - leave_bytes)])
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return

    def free(self) -> None:
        (self.root / "filler").unlink()

    def read_only(self, yes: bool) -> None:
        _mount("-o", f"remount,{'ro' if yes else 'rw'}", str(self.root))


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[Disk]:
    folder.mkdir()
    why = _why_not(folder)
    if why is not None:
        pytest.skip(f"NOT RUN: {why}")
    _mount("-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
