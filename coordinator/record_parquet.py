"""Records as Parquet: the only module that imports pyarrow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import fields

from bitgauge.benchmarks.errors import Code, Unavailable
from bitgauge.benchmarks.record import SCHEMA, Record
from bitgauge.benchmarks.record_rows import Row, rows


def to_parquet(records: Sequence[Record]) -> bytes:
    """The rows of `record_rows` as one Parquet table with a type for every column.

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
            for field in fields(Row)
        ],
        metadata={"schema": SCHEMA},
    )
    found = rows(records)
    columns = {field.name: [getattr(row, field.name) for row in found] for field in fields(Row)}
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pydict(columns, schema=schema), sink)
    return sink.getvalue()
