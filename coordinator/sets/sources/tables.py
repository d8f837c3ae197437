"""A table in CSV or Parquet: numbers in columns, one sample per line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from ..base import Arrays, Collected, SetOptions, refused

WORDS = "a table, .csv or .parquet"
RANK = 1
_ENDINGS = (".csv", ".tsv", ".parquet")


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


def columns_of(path: Path) -> dict[str, list[Any]]:
    """The columns of a table by name.

    Raises:
        BadInput: the file is damaged.
        Refused: pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException, csv, parquet
    except ModuleNotFoundError as error:
        raise Refused(
            Code.BUILD_TOOLS_MISSING,
            "Reading tables needs the package pyarrow: pip install pyarrow.",
        ) from error
    try:
        if path.suffix.lower() == ".parquet":
            table = parquet.read_table(path)
        else:
            between = "\t" if path.suffix.lower() == ".tsv" else ","
            table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=between))
    except (ArrowException, OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0][:160]
        raise refused(f"{path} is no table that can be read: {first}.") from error
    found: dict[str, list[Any]] = table.to_pydict()
    return found


def labels_of(columns: dict[str, list[Any]], options: SetOptions) -> tuple[str, ...] | None:
    """The labels as words; None without such a column."""
    found = columns.get(options.label)
    if found is None:
        return None
    for line, one in enumerate(found, start=2):
        if one is None:
            raise refused(f"Column {options.label!r} has no label in line {line}.")
    return tuple(_whole(one) for one in found)


def _whole(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _numbers(path: Path, name: str, columns: dict[str, list[Any]]) -> npt.NDArray[np.float64]:
    for line, value in enumerate(columns[name], start=2):
        if isinstance(value, bool | int | float):
            continue
        what = "nothing" if value is None else repr(str(value)[:40])
        raise refused(f"{path}: column {name!r} holds {what} in line {line}, not a number.")
    return np.array(columns[name], np.float64)


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
