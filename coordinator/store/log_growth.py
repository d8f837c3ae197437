"""How far the database's log may grow while somebody reads, and who that is.

SQLite keeps what a reader may still want to see: as long as one transaction stays open, the log
takes every commit and gives nothing back. Readers are programs of others, so they are named and not
ended; new work waits for them, and what was begun is brought to its end.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable

MAX_LOG_BYTES = 1 << 30
_NAMED = 3


def require_short_log(database: Path, limit_bytes: int | None = None) -> None:
    """Refuses new work while a reader keeps the log of the database beyond its limit.

    Raises:
        Unavailable: `STORE_BUSY`; the sentence names the processes that have it open.
    """
    log = database.with_name(f"{database.name}-wal")
    try:
        size_bytes = log.stat().st_size
    except OSError:
        return
    if size_bytes > (MAX_LOG_BYTES if limit_bytes is None else limit_bytes):
        who = ", ".join(_others(log)[:_NAMED]) or "another program"
        raise Unavailable(
            Code.STORE_BUSY,
            f"The log of {database} has grown to {size_bytes} bytes, because {who} has been reading"
            " it for long without an end; end that, or its query.",
        )


def _others(path: Path) -> list[str]:
    """The other processes of this machine that have a file open, as far as we may look."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                if any(os.readlink(one) == str(path) for one in (process / "fd").iterdir()):
                    name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                    found.append(f"process {process.name} ({name})")
    return sorted(found)
