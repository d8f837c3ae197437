"""The questions that people ask: one set of functions, whichever way they come.

The coordinator calls them on its store; the command line with `--db PATH` on a database file,
through `Store.open_readonly`, in its own process. Nothing here imports ray, grpc or
sqlite-utils, because such an answer has to come within half a second of a cold start.
"""

from __future__ import annotations

from bitgauge.benchmarks.table.priors import priors, with_priors
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

from .reads import Reads


def cells(store: Reads) -> tuple[Cell, ...]:
    """The cells in the order of the table, with priors where nothing was measured."""
    return with_priors(store.cells(), priors())


def select(store: Reads, query: SelectQuery, now_ns: int) -> Choice:
    """Which format to ship, from the rows that speak to the question.

    Where none does, every row of the model class and every cell is looked at, for what was
    measured instead.
    """
    from bitgauge.benchmarks.selection.select import (
        select as select_rows,  # numpy: only who asks waits
    )

    rows = store.deciding_rows(
        TableQuery(
            model_class=query.model_class,
            hardware_class=query.hardware_class,
            workload=query.workload,
        )
    )
    if any(row.state.has_numbers and query.model_name in (None, row.model_name) for row in rows):
        return select_rows(query, rows, now_ns)
    rows = store.deciding_rows(TableQuery(model_class=query.model_class))
    return select_rows(query, rows, now_ns, cells(store))
