"""`bitgauge check`: is all that this state folder promises there, and is it what it was?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.audit import AuditVerdict
from bitgauge.benchmarks.common.files import on_disk
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from .. import last_backup
from ..blobs.files import blob_file, is_sound, listed
from ..state_folder import StateFolder
from . import heads, invariants


@dataclass(frozen=True, slots=True)
class StateCheck:
    """What was found in a state folder.

    Attributes:
        findings: what must not be in the database.
        size_bytes: of those, together.
        missing: recorded, and no file is there.
        corrupt: recorded, and the bytes are others.
        unreferenced: files that the database does not record; an upload whose end was not
            recorded leaves one. No damage.
        last_backup: path and time of the last good backup.
        audit: whether its chain holds, also against heads told to the log and the last backup.
    """

    database: str
    schema: int
    counts: dict[str, int]
    findings: tuple[str, ...]
    blobs: int
    size_bytes: int
    missing: tuple[Digest, ...]
    corrupt: tuple[Digest, ...]
    unreferenced: tuple[Digest, ...]
    last_backup: str | None
    audit: AuditVerdict

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged."""
        return not (self.findings or self.missing or self.corrupt or self.audit.breaks)


def check_state(home: Path) -> StateCheck:
    """Read all of a state folder, also while its coordinator runs.

    Raises:
        BitgaugeError: `STORE_MISSING`, `STORE_DAMAGED`, `STORE_OLDER`, `STORE_NEWER`, `STORE_IO`.
    """
    config = StateFolder(home=str(home))
    with on_disk(f"While checking the state folder {home}"):
        # Files first: one that is recorded while we read is then not taken for unreferenced.
        files = tuple(listed(config.blobs_folder))
        told = heads.told(home)
        contents = invariants.examine(config.store_path)
        wrong = [blob for blob in contents.blobs if not is_sound(config.blobs_folder, blob)]
        audit = heads.verdict(config.store_path, told)
        last = last_backup.last_good(home)
    there = {blob for blob in wrong if blob_file(config.blobs_folder, blob).is_file()}
    return StateCheck(
        database=str(config.store_path),
        schema=contents.schema,
        counts=contents.counts,
        findings=contents.findings,
        blobs=len(contents.blobs),
        size_bytes=sum(blob.size_bytes for blob in contents.blobs),
        missing=tuple(blob for blob in wrong if blob not in there),
        corrupt=tuple(blob for blob in wrong if blob in there),
        unreferenced=tuple(sorted(set(files) - set(contents.blobs), key=str)),
        last_backup=f"{last.path}, of {last_backup.utc(last.created_unix_ns)}" if last else None,
        audit=audit,
    )
