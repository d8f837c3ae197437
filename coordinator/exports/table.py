"""The whole table as one value that may leave the lab, from whoever answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitgauge.benchmarks.table import file as pseudonyms
from bitgauge.benchmarks.table.file import RunDigest, TableFile, assembled, digest_of_run
from bitgauge.benchmarks.table.rows import ordered
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from ..client.exported import ExportedTable

if TYPE_CHECKING:
    from ..client.answers import Reads


def exported(source: Reads) -> TableFile:
    """Every row, its evidence in one word, and the cells made of these rows.

    An exported table that is exported again is the same table.
    """
    if isinstance(source, ExportedTable):
        return source.table_file
    rows = _rows(source)
    spoken_of = _spoken_of(source, rows)
    devices, known = pseudonyms.named(spoken_of), pseudonyms.known_names(spoken_of)
    return assembled(
        tuple(devices.values()),
        tuple(pseudonyms.row(row, devices, known) for row in rows),
        tuple(
            RunDigest(row.run_id, digest_of_run(source.run(row.run_id).raw, row.metrics))
            for row in rows
            if row.run_id is not None
        ),
    )


def _rows(source: Reads) -> tuple[TableRow, ...]:
    """Every row, asked for cell by cell: the whole table may be more than one answer holds."""
    keys = (cell.key for cell in source.cells() if cell.key.workload is not None)
    return ordered(
        row
        for key in keys
        for row in source.table(
            TableQuery(
                model_class=key.model_class,
                hardware_class=key.hardware_class,
                family=key.family,
                workload=key.workload,
            )
        )
    )


def _spoken_of(source: Reads, rows: tuple[TableRow, ...]) -> tuple[DeviceDescription, ...]:
    """The devices of these rows, ordered by id."""
    wanted = {row.device_id for row in rows}
    found = (view.description for view in source.devices())
    return tuple(
        sorted(
            (one for one in found if one.device_id in wanted), key=lambda device: device.device_id
        )
    )
