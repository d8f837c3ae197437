"""What a state folder knows of its backups: enough to name the last good one on a bad day.

Imports no SQLite, so that the sentence about a damaged database can always be made.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.files import whole_file

FOLDER = "backups"
RESTORING = ".restore.partial"
"""What a restore fills before anything gets its name."""
MANIFEST = "manifest.json"
SCHEMA = "bitgauge.backup/1"
BEFORE_MIGRATION = "before-schema-"
_LAST = "last.json"


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The newest backup that was verified, as noted in the state folder."""

    path: str
    created_unix_ns: int


def remember(home: Path, backup: Path, created_unix_ns: int) -> None:
    """Note a verified backup, unless a newer one is known.

    Raises:
        OSError: the state folder cannot be written.
    """
    known = _noted(home)
    if known is not None and known.created_unix_ns > created_unix_ns:
        return
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    newest = LastBackup(str(backup.absolute()), created_unix_ns)
    with whole_file(folder / _LAST) as file:
        file.write(msgspec.json.encode(newest))


def last_good(home: Path) -> LastBackup | None:
    """The newest backup of this state folder that is still where it was put."""
    found = [
        LastBackup(str(path), path.stat().st_mtime_ns)
        for path in (home / FOLDER).glob(f"{BEFORE_MIGRATION}*.db")
    ]
    noted = _noted(home)
    if noted is not None and (Path(noted.path) / MANIFEST).is_file():
        found.append(noted)
    return max(found, key=lambda backup: backup.created_unix_ns, default=None)


def words(database: Path | str) -> str:
    """A sentence that names the last good backup of a database; empty when there is none."""
    with contextlib.suppress(OSError):
        backup = last_good(Path(database).parent)
        if backup is not None:
            return f" The last good backup is {backup.path}, of {utc(backup.created_unix_ns)}."
    return ""


def utc(unix_ns: int) -> str:
    """A time as people read it, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix_ns // 1_000_000_000))


def stamp(unix_ns: int) -> str:
    """A time for the name of a file; names sort like times."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(unix_ns // 1_000_000_000))}Z"


def _noted(home: Path) -> LastBackup | None:
    try:
        return msgspec.json.decode((home / FOLDER / _LAST).read_bytes(), type=LastBackup)
    except (OSError, msgspec.MsgspecError):
        return None
