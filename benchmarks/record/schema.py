"""A record as JSON and back, and the JSON Schema that is committed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..vocabulary.errors import BadInput, Code
from .record import SCHEMA, Record


def to_json(records: Record | Sequence[Record]) -> bytes:
    """A record, or a list of them, as indented JSON; the same records give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(records), indent=2) + b"\n"


def from_json(data: bytes) -> Record:
    """The record in `data`.

    Raises:
        BadInput: it is none of this schema.
    """
    try:
        return msgspec.json.decode(data, type=Record)
    except msgspec.MsgspecError as error:
        raise BadInput(Code.BAD_ARGUMENT, f"The record is not {SCHEMA}: {error}.") from error


def schema_document() -> bytes:
    """The JSON Schema of a record, as it is committed in ``record.schema.json``."""
    document = msgspec.json.schema(Record) | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "$comment": "Made from the classes of benchmarks/record/record.py.",
    }
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"
