"""The questions that people ask: one set of functions, whichever way they come.

The coordinator calls them on its store; the command line with `--db PATH` on a database file,
through `Store.open_readonly`, in its own process. Nothing here imports ray, grpc or
sqlite-utils, because such an answer has to come within half a second of a cold start.
"""

from __future__ import annotations

from collections.abc import Callable

from bitgauge.benchmarks.table.priors import priors, with_priors
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from .store import Store


def cells(store: Store) -> tuple[Cell, ...]:
    """The cells in the order of the table, with priors where nothing was measured."""
    return with_priors(store.cells(), priors())


def select(
    query: SelectQuery,
    now_ns: int,
    rows_of: Callable[[TableQuery], tuple[TableRow, ...]],
    all_cells: Callable[[], tuple[Cell, ...]],
) -> Choice:
    """Which format to ship, from the rows that speak to the question.

    Args:
        query: the question.
        now_ns: the present, UTC.
        rows_of: the rows that match, with the metrics that decide at least.
        all_cells: every cell, priors among them; asked with every row of the model class where
            no row speaks to the question, for what was measured instead.
    """
    from bitgauge.benchmarks.selection.select import (
        select as select_rows,  # numpy: only who asks waits
    )

    rows = rows_of(
        TableQuery(
            model_class=query.model_class,
            hardware_class=query.hardware_class,
            workload=query.workload,
        )
    )
    if any(row.state.has_numbers and query.model_name in (None, row.model_name) for row in rows):
        return select_rows(query, rows, now_ns)
    return select_rows(
        query, rows_of(TableQuery(model_class=query.model_class)), now_ns, all_cells()
    )
