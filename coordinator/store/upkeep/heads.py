"""Heads of the audit that were told elsewhere: without them its end could be cut off unseen.

The coordinator tells its log, and a backup holds the audit as it was. A restore begins anew: what
was told before it is no measure of what came after.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.audit import AuditVerdict, ChainHead, verdict_of
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.audit import AuditEntry

from .. import last_backup
from ..audit.entries import LAST, RESTORE
from ..state_folder import StateFolder
from ..store import Store

LOG = "coordinator.log"
_TOLD = re.compile(r"audit head: entry (\d+) of (\d+) is ([0-9a-f]{64})")


def words(entry: AuditEntry) -> str:
    """How a head is told to the log."""
    return f"audit head: entry {entry.position} of {entry.at_unix_ns} is {entry.digest}"


@dataclass(frozen=True, slots=True)
class Told:
    """A head that is written down elsewhere, with the time of its entry."""

    head: ChainHead
    at_unix_ns: int
    where: str


def told(home: Path) -> tuple[Told, ...]:
    """The heads that log and last backup of a state folder know.

    Raises:
        OSError: the log cannot be read.
    """
    return (*_of_logs(StateFolder(home=str(home)).logs_folder), *_of_backup(home))


def _of_logs(folder: Path) -> Iterator[Told]:
    for path in sorted(folder.glob(f"{LOG}*")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if found := _TOLD.search(line):
                    head = ChainHead(int(found[1]), found[3])
                    yield Told(head, int(found[2]), f"logs/{path.name}")


def _of_backup(home: Path) -> Iterator[Told]:
    """Of a backup that cannot be read, or is of an older schema, nothing is known."""
    last = last_backup.last_good(home)
    if last is None:
        return
    path = Path(last.path)
    with contextlib.suppress(BitgaugeError):
        store = Store.open_readonly(path / "store.db" if path.is_dir() else path)
        with contextlib.closing(store):
            for entry in store.audit(limit=1):
                where = f"the backup {path.name}"
                yield Told(ChainHead(entry.position, entry.digest), entry.at_unix_ns, where)


def verdict(database: Path, known: Sequence[Told]) -> AuditVerdict:
    """Follow the chain of a database, and hold it against heads told before.

    Raises:
        BitgaugeError: the database cannot be read.
    """
    store = Store.open_readonly(database)
    with contextlib.closing(store):
        entries = everything(store)
    restored_ns = max((one.at_unix_ns for one in entries if one.what == RESTORE), default=0)
    since = ((one.head, one.where) for one in known if one.at_unix_ns > restored_ns)
    return verdict_of(entries, since)


def broken_audit(backup: Path) -> str | None:
    """Where the chain in a backup breaks; None: nowhere, or it is older than the audit.

    Raises:
        BitgaugeError: its database cannot be read.
    """
    try:
        return verdict(backup / "store.db", ()).breaks
    except BitgaugeError as error:
        if error.code is Code.STORE_OLDER:
            return None
        raise


def everything(store: Store) -> tuple[AuditEntry, ...]:
    """Every entry, in order; read page by page, so that a writer is not held up."""
    found: list[AuditEntry] = []
    while page := store.audit(before=found[-1].position if found else LAST):
        found.extend(page)
    return tuple(reversed(found))
