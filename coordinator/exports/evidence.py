"""A folder with the table and all that it follows from, for review where nothing is installed.

    table.json, table.md    the table, as `bitgauge export` writes it
    machines.json           devices and stacks, under names that tell nobody's host
    runs/MODEL/...json      one record per settled entry
    raw/RUN/...npz          the raw files of the runs that were asked for

Only a database can give it: the facts of an analysis are not asked over the network.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.common.files import sync, sync_folders
from bitgauge.benchmarks.common.walks.presented import presented
from bitgauge.benchmarks.table import evidence as run_record
from bitgauge.benchmarks.table import file as pseudonyms
from bitgauge.benchmarks.table.evidence import Machines, RunRecord, Stack
from bitgauge.benchmarks.table.file import TABLE_NAME, TableFile, lean, to_json
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Internal, NotFound
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from ..client.offline import Offline
from ..store.subjects import subject_of
from ..store.values import LeaseTerms
from .formats.markdown import to_markdown


@dataclass(frozen=True, slots=True)
class EvidenceFolder:
    """What the folder holds: its table, and every file by its path below the folder."""

    table: TableFile
    files: Mapping[str, bytes]


def evidence(source: Offline, raw_of: Sequence[str]) -> EvidenceFolder:
    """The table of a database with its evidence.

    The source is a database, no exported table; `raw_of` names the runs whose raw files shall be in
    it.

    Raises:
        NotFound: `UNKNOWN_RUN`, the table shows no such run; `BLOB_MISSING`.
    """
    rows = source.table(TableQuery())
    shown = {row.run_id for row in rows}
    for name in raw_of:
        if name not in shown:
            raise NotFound(Code.UNKNOWN_RUN, f"The table shows no run {name!r}.")
    real = [view.description for view in source.devices()]
    others = pseudonyms.named(real)
    spoken = partial(pseudonyms.row, devices=others, known=pseudonyms.known_names(real))
    spoken_of = {row.device_id for row in rows}
    devices = [other for real, other in sorted(others.items()) if real in spoken_of]
    records, stacks = [], {}
    for row in rows:
        record = _record(source, row, spoken(row))
        records.append(record)
        if row.run_id is not None:
            stacks[row.fingerprint] = Stack(row.fingerprint, source.run(row.run_id).stack)
    machines = Machines(
        run_record.MACHINES_SCHEMA, tuple(devices), tuple(stacks[key] for key in sorted(stacks))
    )
    table = run_record.derived(machines, records)
    _require_equal(table, map(spoken, rows))
    return EvidenceFolder(table, dict(_files(source, table, machines, records, raw_of)))


def _record(source: Offline, row: TableRow, spoken: TableRow) -> RunRecord:
    """The record of a row's run; `spoken` is the row as it speaks of its machine."""
    shown = run_record.bare(spoken)
    if row.run_id is None:
        return RunRecord(run_record.RUN_SCHEMA, shown)
    run = source.run(row.run_id)
    facts = None
    if row.metrics:
        facts = _renamed(subject_of(source.store, row.run_id, 0, LeaseTerms()).facts)
    return RunRecord(
        run_record.RUN_SCHEMA,
        shown,
        facts,
        run.analysis_version,
        run.sandbox,
        run.started_unix_ns,
        run.raw,
        row.metrics,
    )


def _renamed(facts: RunFacts) -> RunFacts:
    certificate = facts.certificate
    if certificate is not None:
        other = pseudonyms.device_id(certificate.device_id)
        facts = replace(facts, certificate=replace(certificate, device_id=other))
    return run_record.without_machine(facts)


def _require_equal(table: TableFile, rows: Iterable[TableRow]) -> None:
    """What the records say must be what the table says."""
    if sorted(map(repr, table.rows)) != sorted(map(repr, rows)):
        raise Internal(Code.INTERNAL, "The records of the runs do not make the rows of the table.")


def _files(
    source: Offline,
    table: TableFile,
    machines: Machines,
    records: Sequence[RunRecord],
    raw_of: Sequence[str],
) -> Iterator[tuple[str, bytes]]:
    table, machines = presented(table), presented(machines)
    yield TABLE_NAME, to_json(table)
    yield "table.md", to_markdown(table).encode()
    yield "machines.json", _json(machines)
    for record in records:
        yield f"runs/{run_record.file_name(record)}", _json(presented(record))
        if record.row.run_id in raw_of:
            for ref in record.raw:
                yield f"raw/{record.row.run_id}/{raw_name(ref)}", source.blob(ref.digest)


def raw_name(ref: RawRef) -> str:
    """The file name of one raw file of a run."""
    return f"{ref.pass_name.value}-{ref.launch}-{ref.role.value}.npz"


def _json(value: object) -> bytes:
    told: Any = lean(value)
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files into a new folder, by way of one beside it: whole or not at all.

    Raises:
        BadInput: `BAD_ARGUMENT`, there is something of that name, or the place cannot be written.
    """
    refuse_taken(folder)
    aside = None
    try:
        aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        aside.mkdir()
        for name, data in files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            sync(path)
        sync_folders(aside)
        os.rename(aside, folder)
        sync(folder.parent)
    except OSError as error:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
        raise BadInput(
            Code.BAD_ARGUMENT, f"{folder} cannot be written: {error.strerror or error}."
        ) from error


def refuse_taken(folder: Path) -> None:
    """Refuse a folder that is there, before any work is done for it.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    if folder.exists():
        raise BadInput(Code.BAD_ARGUMENT, f"{folder} exists; give the name of a new folder.")
