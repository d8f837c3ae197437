"""The committed table is printed as it was printed before, word for word and digit for digit.

`printed.txt` is what the demo and the command line print of `benchmarks/snapshot`: rows, cells,
which format to ship. Whoever changes a word on purpose writes it anew and looks at the difference:
``python -m tests.coordinator.cli.text.test_printed``.
"""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.cli.text.cells import cells_text
from bitgauge.coordinator.cli.text.choice import choice_text
from bitgauge.coordinator.cli.text.rows import table_text
from bitgauge.coordinator.client.exported import ExportedTable

from tests.snapshot import FOLDER

PRINTED = Path(__file__).with_name("printed.txt")
DAY_NS = 86_400 * 10**9


def printed() -> str:
    """What is printed of the committed table, a day after its last run."""
    with ExportedTable(FOLDER) as table:
        rows = table.table(TableQuery())
        now_ns = max(row.measured_unix_ns or 0 for row in rows) + DAY_NS
        classes = (ModelClass.CNN, ModelClass.TRANSFORMER, ModelClass.MLP)
        choices = [
            table.select(
                SelectQuery(
                    one,
                    HardwareClass.CPU_ONLY,
                    workload=Workload(batch=batch),
                    max_accuracy_loss_pp=1.0,
                )
            )
            for one in classes
            for batch in (1, 64)
        ]
        told = (table_text(rows, table.devices()), cells_text(table.cells(), now_ns))
    return "\n\n".join((*told, *(choice_text(one, explain=True) for one in choices))) + "\n"


def test_the_committed_table_is_printed_as_before() -> None:
    assert printed() == PRINTED.read_text("utf-8")


if __name__ == "__main__":
    PRINTED.write_text(printed(), "utf-8")
