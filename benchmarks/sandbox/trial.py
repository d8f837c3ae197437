"""What a confined process must be able to do, and what it must not; tried out by one that is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def fault(folder: Path, given: Path, secret: Path, network: int) -> str | None:
    """A sentence about what is wrong with the box of the calling process, or None.

    It also tries to write beside its folder, where the parent looks afterwards: a private file
    system may let it.

    Args:
        folder: its own.
        given: a file that it may read.
        secret: a file beside it that it may not.
        network: inode of the host's network namespace.
    """
    given.read_bytes()
    (folder / "proof").write_bytes(b"")
    if _can(secret.read_bytes):
        return "it could read a file that is not its own"
    _can(lambda: secret.with_name("beside").write_bytes(b""))
    _can(lambda: given.write_bytes(b""))
    if os.stat("/proc/self/ns/net").st_ino == network:
        return "it shared the network of the host"
    return None


def _can(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True
