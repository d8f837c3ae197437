"""What a child does to find out whether its sandbox works: ``trial FOLDER GIVEN SECRET NETWORK``.

Ends with 0 when it can what it must (load our code, read its file, write to its folder) and
cannot what it must not (read beside it, share the network); else it says which. It also tries to
write beside its folder, where the agent looks afterwards: a private file system may let it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path


def main(arguments: list[str]) -> str | None:
    """A sentence about what is wrong, or None."""
    folder, given, secret = map(Path, arguments[:3])
    from . import launch, worker  # noqa: F401 (that they can be read is the point)

    given.read_bytes()
    (folder / "proof").write_bytes(b"")
    if _can(secret.read_bytes):
        return "it could read a file that is not its own"
    _can(lambda: secret.with_name("beside").write_bytes(b""))
    _can(lambda: given.write_bytes(b""))
    if os.stat("/proc/self/ns/net").st_ino == int(arguments[3]):
        return "it shared the network of the host"
    with open("/proc/self/clear_refs", "wb", buffering=0) as file:
        file.write(b"5")
    return None


def _can(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    wrong = main(sys.argv[1:])
    sys.stdout.write(wrong or "")
    sys.stdout.flush()
    os._exit(1 if wrong else 0)
