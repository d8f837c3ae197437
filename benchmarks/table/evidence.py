"""The evidence of a table as small files: what was settled per run, and the machines it ran on.

A `RunRecord` is one settled entry, all that its row of the table is made of: identity, facts of
the analysis, digests of its raw files, metrics. Stacks are the same for many runs and stand apart.
From these alone the whole table follows; `derived` makes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from ..analysis.facts import RunFacts
from ..vocabulary.kernel_modes import probe_map_of
from ..vocabulary.reasons import SUSPECT, UNCONFIRMED
from ..vocabulary.values.devices import DeviceDescription, StackItem
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue, RawRef
from .file import RunDigest, TableFile, assembled, digest_of_run
from .rows import numbered, row_key

RUN_SCHEMA = "bitgauge.run/1"
MACHINES_SCHEMA = "bitgauge.machines/1"


@dataclass(frozen=True, slots=True)
class Stack:
    """The inputs that a fingerprint stands for."""

    fingerprint: str
    items: tuple[StackItem, ...]


@dataclass(frozen=True, slots=True)
class Machines:
    """The devices of a table and every stack that its runs were measured on."""

    schema: str
    devices: tuple[DeviceDescription, ...]
    stacks: tuple[Stack, ...]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One settled entry.

    Attributes:
        schema: `RUN_SCHEMA`.
        row: its row of the table without what follows from metrics.
        facts: what its analysis knew, without what `Machines` says; None when nothing was measured.
        analysis_version: of the analysis that made the metrics.
        sandbox: how the artifact was confined.
        started_unix_ns: UTC nanoseconds of the device.
        raw: its raw files.
        metrics: its published numbers.
    """

    schema: str
    row: TableRow
    facts: RunFacts | None = None
    analysis_version: int | None = None
    sandbox: str = ""
    started_unix_ns: int | None = None
    raw: tuple[RawRef, ...] = ()
    metrics: tuple[MetricValue, ...] = ()


def bare(row: TableRow) -> TableRow:
    """A row without what `numbered` adds to it."""
    kept = tuple(flag for flag in row.flags if flag in (SUSPECT, UNCONFIRMED))
    return replace(row, metrics=(), flags=kept, kernel_mode=None)


def without_machine(facts: RunFacts) -> RunFacts:
    """Facts without what a record's device and stack say, and without the device's own id."""
    return replace(facts, meters=(), kernel_modes=(), device_id="", runs=(), signed=False)


def facts_of(record: RunRecord, machines: Machines) -> RunFacts:
    """All that the analysis of a run knew.

    Raises:
        ValueError: nothing was measured, or its device or stack is not among `machines`.
    """
    devices = {device.device_id: device for device in machines.devices}
    stacks = {stack.fingerprint: stack.items for stack in machines.stacks}
    device, stack = devices.get(record.row.device_id), stacks.get(record.row.fingerprint)
    if record.facts is None or device is None or stack is None:
        raise ValueError(f"run {record.row.run_id} has no facts, device or stack")
    modes = tuple(StackItem(*item) for item in probe_map_of(stack).items())
    return replace(record.facts, meters=device.meters, kernel_modes=modes)


def derived(machines: Machines, records: Sequence[RunRecord]) -> TableFile:
    """The table that these records make, in whatever order they come."""
    return assembled(
        machines.devices,
        tuple(numbered(record.row, record.metrics) for record in records),
        tuple(
            RunDigest(record.row.run_id, digest_of_run(record.raw, record.metrics))
            for record in records
            if record.row.run_id is not None
        ),
    )


def file_name(record: RunRecord) -> str:
    """A path that says what a record is about, and ends in what makes it the only one."""
    row = record.row
    words = [row.recipe, f"b{row.workload.batch}", _word(row.device_id)[:8], _row_word(row)]
    return f"{_word(row.model_name)}/{'-'.join(words)}.json"


def _row_word(row: TableRow) -> str:
    key = msgspec.json.encode(row_key(row))
    return hashlib.sha256(key).hexdigest()[:8]


def _word(name: str) -> str:
    return "".join(one if one.isalnum() or one in "-_" else "_" for one in name)
