"""Rows of plain columns as Parquet: the only module that imports pyarrow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from bitgauge.benchmarks.record.lines import Row, rows
from bitgauge.benchmarks.record.record import SCHEMA, Record
from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable


def to_parquet(records: Sequence[Record]) -> bytes:
    """The rows of `record_rows` as one Parquet table; raises as `parquet_of`."""
    return parquet_of(Row, rows(records), SCHEMA)


def parquet_of(kind: type[Any], found: Sequence[Any], schema_name: str) -> bytes:
    """One Parquet table with a type for every column.

    Args:
        kind: a dataclass of ints, floats and strings, each of them perhaps None.
        found: its instances, one per row.
        schema_name: stands in the metadata of the file.

    Raises:
        Unavailable: `LIBRARY_MISSING`, pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise Unavailable(
            Code.LIBRARY_MISSING, f"Parquet needs {error.name}, which is not installed."
        ) from error
    types = {"int": pa.int64(), "float": pa.float64(), "str": pa.string()}
    schema = pa.schema(
        [
            pa.field(
                field.name,
                types[str(field.type).split(" ")[0]],
                nullable="None" in str(field.type),
            )
            for field in fields(kind)
        ],
        metadata={"schema": schema_name},
    )
    columns = {field.name: [getattr(row, field.name) for row in found] for field in fields(kind)}
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pydict(columns, schema=schema), sink)
    return sink.getvalue()
