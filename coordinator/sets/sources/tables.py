"""A table in CSV or Parquet: numbers in columns, one sample per line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.common.files import plain_file
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from ..base import Arrays, Collected, SetOptions, refused
from ..bounds import MAX_CELLS, MAX_COLUMNS, MAX_TABLE_BYTES, require_count, require_file

WORDS = "a table, .csv or .parquet"
RANK = 1
_ENDINGS = (".csv", ".tsv", ".parquet")
_READ_BYTES = 1 << 20
_ROWS_AT_ONCE = 16_384


def takes(path: Path, options: SetOptions) -> bool:
    """A file with one of the endings, whose columns are numbers."""
    return path.suffix.lower() in _ENDINGS and path.is_file() and not options.text


def read(path: Path, specs: Sequence[InputSpec], options: SetOptions) -> Collected:
    """See `base.SourceKind`.

    Columns named as the model's inputs go there; else all of them, in their order, are the one
    input that the model has.
    """
    columns = columns_of(path)
    labels = labels_of(columns, options)
    names = [name for name in columns if name != options.label]
    count = len(next(iter(columns.values()), ()))
    if not names or not count:
        raise refused(f"{path} holds no numbers: {len(names)} columns, {count} lines.")
    wanted = {spec.name for spec in specs}
    arrays: Arrays = {}
    if wanted <= set(names):
        for spec in specs:
            shape = (-1, *(1 for _ in spec.shape[1:]))
            arrays[spec.name] = _numbers(path, spec.name, columns).reshape(shape).astype(spec.dtype)
    else:
        spec = _only(specs, names)
        values = np.stack([_numbers(path, name, columns) for name in names], axis=1)
        inner = [size or -1 for size in spec.shape[1:]]
        if len(inner) > 1:
            values = _reshaped(values, inner, spec, len(names))
        arrays[spec.name] = values.astype(spec.dtype)
    done = {"source": "table", "columns": names}
    return Collected(arrays, labels, tuple(map(str, range(count))), done)


def columns_of(path: Path) -> dict[str, Any]:
    """The columns of a table by name, as pyarrow holds them.

    Raises:
        BadInput: the file is damaged, or holds more than can be borne.
        Refused: pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException
    except ModuleNotFoundError as error:
        raise Refused(
            Code.BUILD_TOOLS_MISSING,
            "Reading tables needs the package pyarrow: pip install pyarrow.",
        ) from error
    require_file(path, MAX_TABLE_BYTES)
    try:
        table = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except (ArrowException, OSError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise refused(f"{path} is no table that can be read: {first}.") from error
    if len(set(table.column_names)) < table.num_columns:
        raise refused(f"{path} has two columns of one name.")
    return dict(zip(table.column_names, table.columns, strict=True))


def _csv(path: Path) -> Any:
    """A table of text; pyarrow makes columns and lines of what it finds, so that is counted."""
    from pyarrow import csv as arrow

    between = "\t" if path.suffix.lower() == ".tsv" else ","
    cells = 0
    with plain_file(path) as file:
        data = file.read(_READ_BYTES)
        _require_bounded(path, 0, _columns_in(data.decode("utf-8", "replace"), between))
        while data:
            cells += sum(map(data.count, (b"\n", b"\r", between.encode())))
            if cells > MAX_CELLS:
                raise refused(f"{path} holds more than {MAX_CELLS} cells, which are taken at most.")
            data = file.read(_READ_BYTES)
    return arrow.read_csv(path, parse_options=arrow.ParseOptions(delimiter=between))


def _columns_in(text: str, between: str) -> int:
    """How many columns the first line of a table names.

    Raises:
        ValueError: it is longer than what was read.
    """
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=between)
        columns = len(next(lines, ()))
        if columns <= MAX_COLUMNS and next(lines, None) is None and len(text) == _READ_BYTES:
            raise ValueError("its first line is too long")
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return columns


def _parquet(path: Path) -> Any:
    """A table of columns, each as its file packs it: one long text may be there a million times."""
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        schema, told = file.schema_arrow, file.metadata
        _require_bounded(path, told.num_rows, len(schema.names))
        nested = next((one.name for one in schema if pa.types.is_nested(one.type)), None)
        if nested is not None:
            raise refused(f"{path}: column {nested[:40]!r} holds lists or records, not numbers.")
        texts = [one.name for one in schema if _is_text(one.type)]
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        batches, rows, left_bytes = [], 0, MAX_TABLE_BYTES
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            rows += batch.num_rows
            _require_bounded(path, rows, batch.num_columns)
            left_bytes -= sum(map(_text_bytes, batch.columns))
            if left_bytes < 0:
                raise refused(
                    f"The texts of {path} have more than {MAX_TABLE_BYTES} bytes, which are taken"
                    " at most."
                )
            batches.append(batch)
    return pa.Table.from_batches(batches, None if batches else schema)


def _require_bounded(path: Path, rows: int, columns: int) -> None:
    require_count(rows, path)
    if columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise refused(
            f"{path} holds {rows} lines of {columns} columns; {MAX_COLUMNS} columns and"
            f" {MAX_CELLS} cells are taken at most."
        )


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return any(
        of(kind)
        for of in (
            *(pa.types.is_string, pa.types.is_large_string),
            *(pa.types.is_binary, pa.types.is_large_binary),
        )
    )


def _text_bytes(column: Any) -> int:
    """What the texts of a column take when each is written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if not _is_text(column.type.value_type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return int(pc.sum(pc.take(lengths, column.indices)).as_py() or 0)


def labels_of(columns: dict[str, Any], options: SetOptions) -> tuple[str, ...] | None:
    """The labels as words; None without such a column."""
    if options.label not in columns:
        return None
    found = columns[options.label].to_pylist()
    for line, one in enumerate(found, start=2):
        if one is None:
            raise refused(f"Column {options.label!r} has no label in line {line}.")
    return tuple(_whole(one) for one in found)


def _whole(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _numbers(path: Path, name: str, columns: dict[str, Any]) -> npt.NDArray[np.float64]:
    import pyarrow as pa

    column = columns[name]
    kind = column.type
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if plain and not column.null_count:
        found: npt.NDArray[Any] = column.to_numpy()
        return found.astype(np.float64)
    for line, value in enumerate(column.to_pylist(), start=2):
        if isinstance(value, bool | int | float):
            continue
        what = "nothing" if value is None else repr(str(value)[:40])
        raise refused(f"{path}: column {name!r} holds {what} in line {line}, not a number.")
    return np.array(column.to_pylist(), np.float64)


def _only(specs: Sequence[InputSpec], names: Sequence[str]) -> InputSpec:
    if len(specs) != 1:
        wanted = ", ".join(spec.name for spec in specs)
        listed = ", ".join(names[:8])
        raise refused(f"The model takes {wanted}, each a column; the table has {listed}.")
    return specs[0]


def _reshaped(
    values: npt.NDArray[np.float64], inner: list[int], spec: InputSpec, columns: int
) -> npt.NDArray[np.float64]:
    try:
        return values.reshape(len(values), *inner)
    except ValueError as error:
        shape = ", ".join("any" if size < 0 else str(size) for size in inner)
        raise refused(
            f"{columns} columns do not fill one sample of input {spec.name!r}, which is ({shape})."
        ) from error
