"""A record as JSON and back; `record.schema.json` says what stands in it.

In memory the unit of a number is looked up in the registry of metrics; in JSON it stands beside the
number, for readers who have no registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..vocabulary.errors import BadInput, Code
from ..vocabulary.metrics import METRICS
from .record import GROUP_NAMES, SCHEMA, Record


def to_json(records: Record | Sequence[Record]) -> bytes:
    """A record, or a list of them, as indented JSON; the same records give the same bytes."""
    told = _told(records) if isinstance(records, Record) else [_told(one) for one in records]
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"


def _told(record: Record) -> dict[str, Any]:
    """A record as values that JSON knows, each metric with its unit."""
    told: dict[str, Any] = msgspec.to_builtins(record)
    for group in GROUP_NAMES:
        told[group]["metrics"] = [
            {"key": metric["key"], "unit": METRICS[metric["key"]].unit, **metric}
            for metric in told[group]["metrics"]
        ]
    return told


def from_json(data: bytes) -> Record:
    """The record in `data`.

    Raises:
        BadInput: it is none of this schema, or a number is in another unit than its metric.
    """
    try:
        told = msgspec.json.decode(data)
        record = msgspec.convert(told, Record)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(Code.BAD_ARGUMENT, f"The record is not {SCHEMA}: {error}.") from error
    for metric in (metric for group in GROUP_NAMES for metric in told[group]["metrics"]):
        known = METRICS.get(metric["key"])
        if known is not None and metric.get("unit") != known.unit:
            said = f"{known.key} is in {metric.get('unit')}, not in {known.unit}"
            raise BadInput(Code.BAD_ARGUMENT, f"The record is not {SCHEMA}: {said}.")
    return record
