"""The table as one file: rows, cells, priors, machines, and a digest of the evidence of each run.

JSON of schema `bitgauge.table/1`, in the order of the table, so that two exports differ where the
table does. What is null or empty is left out. `sha256` covers everything else in the file: it tells
a file that was edited or cut from one that was exported, and vouches for nobody.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ..vocabulary.errors import BadInput, Code, Refused
from ..vocabulary.values.cells import Cell
from ..vocabulary.values.devices import DeviceDescription
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import FIRST, MetricValue, RawRef
from .cells import cells
from .priors import priors
from .rows import ordered

SCHEMA = "bitgauge.table/1"
TABLE_NAME = "table.json"
"""What the table is called in a snapshot folder."""
MAX_TABLE_FILE_BYTES = 64 << 20
MAX_VALUES = 2_000_000
"""Of an exported table: each becomes an object of some hundred bytes."""
_FAMILY = "bitgauge.table/"
_DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class RunDigest:
    """The evidence of one run in one word: see `digest_of_run`."""

    run_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class TableFile:
    """The table at one moment.

    Attributes:
        devices: the machines that rows speak of, by name, under names that tell nobody's host.
        rows: every row, with its metrics, in the order of the table.
        runs: the evidence of each run that a row shows, by run id.
        cells: what `cells.cells` makes of these rows.
        priors: figures from literature that the exporting version knew.
    """

    devices: tuple[DeviceDescription, ...]
    rows: tuple[TableRow, ...]
    runs: tuple[RunDigest, ...]
    cells: tuple[Cell, ...]
    priors: tuple[Cell, ...] = ()


def assembled(
    devices: tuple[DeviceDescription, ...],
    rows: tuple[TableRow, ...],
    runs: tuple[RunDigest, ...],
) -> TableFile:
    """The table of these rows, which may come in any order."""
    return TableFile(
        devices=tuple(sorted(devices, key=lambda device: (device.name, device.device_id))),
        rows=ordered(rows),
        runs=tuple(sorted(runs, key=lambda run: run.run_id)),
        cells=cells(rows),
        priors=priors(),
    )


def digest_of_run(raw: Sequence[RawRef], metrics: Sequence[MetricValue]) -> str:
    """SHA-256 over the raw files of a run (pass, launch, role, digest) and what came of them.

    The order in which they are told makes no difference.
    """
    files = sorted(
        (ref.pass_name.value, ref.launch, ref.role.value, ref.digest.sha256, ref.digest.size_bytes)
        for ref in raw
    )
    numbers = sorted(metrics, key=lambda metric: metric.key)
    return hashlib.sha256(msgspec.json.encode([files, [lean(one) for one in numbers]])).hexdigest()


def to_json(table: TableFile) -> bytes:
    """The file; the same table gives the same bytes."""
    told = {"schema": SCHEMA, **lean(table)}
    text = msgspec.json.encode({"schema": SCHEMA, _DIGEST: _digest(told), **told})
    return msgspec.json.format(text, indent=1) + b"\n"


def from_json(data: bytes, name: str) -> TableFile:
    """The table in `data`.

    Args:
        data: a whole file.
        name: of the file, for sentences.

    Raises:
        BadInput: `BAD_TABLE_FILE`, it is no exported table, or was changed after it was exported.
        Refused: `TABLE_FILE_NEWER`, another version of Bitgauge wrote a newer schema.
    """
    values = sum(map(data.count, (b",", b"[", b"{")))
    if values > MAX_VALUES:
        raise _bad(name, f"it holds {values} values, {MAX_VALUES} are taken at most")
    try:
        told = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _bad(name, f"it is no JSON ({error})") from error
    schema = told.get("schema") if isinstance(told, dict) else None
    if not isinstance(schema, str) or not schema.startswith(_FAMILY):
        raise _bad(name, f"it does not say schema {SCHEMA}")
    if schema != SCHEMA:
        raise Refused(
            Code.TABLE_FILE_NEWER, f"{name} has schema {schema}; this Bitgauge reads {SCHEMA}."
        )
    if told.pop(_DIGEST, None) != _digest(told):
        raise _bad(name, "it was changed after it was exported: its digest is another one")
    try:
        return msgspec.convert(told, TableFile)
    except msgspec.MsgspecError as error:
        raise _bad(name, str(error)) from error


def lean(value: object) -> Any:
    """A value of ours as plain JSON values, without the fields that are null or empty.

    Such a field has a default that is null or empty too, so that reading gives it back. Fields
    marked as `FIRST` are left out too when they say no more than their default.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: lean(found)
            for field in dataclasses.fields(value)
            if not _left_out(found := getattr(value, field.name), field)
        }
    if isinstance(value, (tuple, list)):
        return [lean(one) for one in value]
    return msgspec.to_builtins(value)


def _left_out(value: object, field: dataclasses.Field[Any]) -> bool:
    unsaid = value in (None, (), "") or FIRST.items() <= field.metadata.items()
    return unsaid and value == field.default


def _digest(told: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def _bad(name: str, why: str) -> BadInput:
    return BadInput(Code.BAD_TABLE_FILE, f"{name} cannot be used as a table: {why}.")


_SPACE = uuid.UUID("0b6a1b52-9f0e-5c1b-8f3e-2d6f1d1c7a55")
_PATH = re.compile(r"(?<![\w/.])~?(?:/[\w.@+~-]+){2,}/?")


def device_id(real: str) -> str:
    """An id that is the same in every export and cannot be turned back."""
    return str(uuid.uuid5(_SPACE, real))


def named(devices: Sequence[DeviceDescription]) -> dict[str, DeviceDescription]:
    """Each device under its other name, by the id that it really has."""
    models = Counter(map(_model, devices))
    return {device.device_id: _renamed(device, models[_model(device)] > 1) for device in devices}


def known_names(devices: Sequence[DeviceDescription]) -> dict[str, tuple[str, ...]]:
    """What each device is really called, by its id: its name and its aliases."""
    return {one.device_id: (one.name, *one.aliases) for one in devices}


def row(
    shown: TableRow,
    devices: Mapping[str, DeviceDescription],
    known: Mapping[str, tuple[str, ...]],
) -> TableRow:
    """A row that speaks of a machine by its other name.

    Args:
        shown: the row.
        devices: as `named` says.
        known: as `known_names` says; none of these leaves the lab.
    """
    other, reason = devices[shown.device_id], shown.reason
    for name in sorted(known[shown.device_id], key=len, reverse=True):
        reason = reason and reason.replace(name, other.name)
    reason = reason and without_paths(reason)
    return replace(shown, device_id=other.device_id, device_name=other.name, reason=reason)


def without_paths(sentence: str) -> str:
    """A sentence in which every absolute path is only its last part."""
    return _PATH.sub(lambda found: found.group().rstrip("/").rpartition("/")[2], sentence)


def _model(device: DeviceDescription) -> str:
    cores = f"{device.core_count} core{'s' * (device.core_count != 1)}"
    return f"{device.processor_model}, {cores}"


def _renamed(device: DeviceDescription, ambiguous: bool) -> DeviceDescription:
    other = device_id(device.device_id)
    name = f"{_model(device)} ({other[:4]})" if ambiguous else _model(device)
    return replace(device, device_id=other, name=name, tags=(), evidence=(), aliases=())
