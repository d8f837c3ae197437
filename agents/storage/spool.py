"""The outbox: nothing that was measured is lost, and nothing that runs is forgotten.

    intents/RUN.json   written and on the disk before the first child of a run is spawned
    raw/SHA256         raw files, on the disk before the report that names them
    reports/RUN.json   on the disk before the coordinator hears of the run
    aside/RUN.json     reports that the coordinator will never take, with its reason

A report is removed by the coordinator's acknowledgement and by nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec
from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import RunReport

from ..host.machine import THIS_MACHINE, Machine

T = TypeVar("T")

MAX_ASIDE = 256
"""Reports that were refused for good and are kept, with their raw files."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A run that has begun.

    Attributes:
        epoch: fencing epoch of the lease.
        mark: what every child of this run carries in its environment.
        boot_id: the boot in which it began; process ids of another boot mean nothing.
        start_ticks: start time of that child.
    """

    run_id: str
    job_id: str
    epoch: int
    entry_index: int
    mark: str
    boot_id: str
    pid: int | None = None
    start_ticks: int | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """A report that was refused for good, and why."""

    reason: str
    report: RunReport


class Spool:
    """The outbox in one folder. Calls block on the disk: the agent makes them from a thread.

    Args:
        folder: made when it is not there.
        machine: whose disk and processes these are.
    """

    def __init__(self, folder: Path, machine: Machine = THIS_MACHINE) -> None:
        self._machine = machine
        self._intents = folder / "intents"
        self._reports = folder / "reports"
        self._raw = folder / "raw"
        self._aside = folder / "aside"
        for part in (self._intents, self._reports, self._raw, self._aside):
            machine.make_folder(part)

    def begin(self, run_id: str, job_id: str, epoch: int, entry_index: int) -> Intent:
        """Records that a run begins; on the disk when this returns."""
        mark, boot_id = secrets.token_hex(16), self._machine.boot_id()
        intent = Intent(run_id, job_id, epoch, entry_index, mark, boot_id)
        self._write(self._intents, run_id, intent)
        return intent

    def spawned(self, intent: Intent, pid: int) -> Intent:
        """Records the child that a run has spawned."""
        known = replace(intent, pid=pid, start_ticks=self._machine.start_ticks(pid))
        self._write(self._intents, intent.run_id, known)
        return known

    def abandon(self, run_id: str) -> None:
        """Forgets a run that will not be reported and whose children are dead."""
        self._machine.remove(self._intents / f"{run_id}.json")

    def intents(self) -> list[Intent]:
        """Runs that have begun and were not reported."""
        return self._read_all(self._intents, Intent)

    def put_raw(self, path: Path) -> Digest:
        """Takes a raw file over, durably, and gives its digest."""
        return self._machine.keep(path, self._raw)

    def raw_path(self, digest: Digest) -> Path:
        """Where the raw file is while anything here needs it."""
        return self._raw / digest.sha256

    def put_report(self, report: RunReport) -> None:
        """Puts a finished run into the outbox and closes its intent."""
        self._write(self._reports, report.run_id, report)
        self._machine.remove(self._intents / f"{report.run_id}.json")

    def reports(self) -> list[RunReport]:
        """Runs that wait for their acknowledgement, oldest first."""
        waiting = self._read_all(self._reports, RunReport)
        return sorted(waiting, key=lambda report: (report.ended_unix_ns, report.run_id))

    def acknowledge(self, run_id: str) -> None:
        """The coordinator has the run."""
        crash_point("A7")
        self._machine.remove(self._reports / f"{run_id}.json")

    def set_aside(self, report: RunReport, reason: str) -> Path:
        """Keeps a report that the coordinator refuses for good where people can find it.

        Of very many the oldest go, or a coordinator that refuses everything would fill the disk.
        """
        if len(self._machine.names(self._aside)) >= MAX_ASIDE:
            kept = (one.report for one in self._read_all(self._aside, Aside))
            oldest = sorted(kept, key=lambda one: (one.ended_unix_ns, one.run_id))
            for one in oldest[: len(oldest) - MAX_ASIDE + 1]:
                self._machine.discard(self._aside / f"{one.run_id}.json")
        self._write(self._aside, report.run_id, Aside(reason, report))
        self._machine.remove(self._reports / f"{report.run_id}.json")
        return self._aside / f"{report.run_id}.json"

    def collect(self, keep: Iterable[Digest] = ()) -> None:
        """Removes raw files that no report names.

        Args:
            keep: raw files that the present job will name again.
        """
        needed = {ref.digest.sha256 for report in self.reports() for ref in report.raw}
        needed |= {
            ref.digest.sha256
            for one in self._read_all(self._aside, Aside)
            for ref in one.report.raw
        }
        needed |= {digest.sha256 for digest in keep}
        for name in self._machine.names(self._raw):
            if name not in needed:
                self._machine.discard(self._raw / name)

    def end_leftovers(self) -> tuple[list[Intent], bool]:
        """Ends every process that older agents left behind.

        Such an agent may have died before what it renamed was durable; it is from here on, so
        that nothing is reported that a power cut could still take back.

        Returns:
            The open intents, and whether every such process is dead.
        """
        for folder in (self._intents, self._reports, self._raw, self._aside):
            self._machine.sync(folder)
        found = self.intents()
        boot = self._machine.boot_id()
        dead = True
        for intent in found:
            if intent.boot_id == boot:
                dead &= self._machine.end(intent.mark, intent.pid, intent.start_ticks)
        return found, dead

    def _write(self, folder: Path, run_id: str, value: object) -> None:
        self._machine.write(folder / f"{run_id}.json", msgspec.json.encode(value))

    def _read_all(self, folder: Path, kind: type[T]) -> list[T]:
        """Every value in a folder; `Machine.write` leaves no incomplete one under this ending.

        A file that is damaged, or that another version wrote, is renamed and kept for people.
        """
        found = []
        for name in self._machine.names(folder):
            if not name.endswith(".json"):
                continue
            try:
                found.append(msgspec.json.decode(self._machine.read(folder / name), type=kind))
            except msgspec.DecodeError:
                kept = name.removesuffix(".json") + ".unreadable"
                self._machine.rename(folder / name, kept)
        return found
