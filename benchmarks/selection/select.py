"""Which format to ship: the answer of the table to a question with limits.

Pure: the same rows in any order give the same answer. The steps are `gather` (which rows speak to
the question), `assess` (each recipe against each limit), `Ranking` (where those stand that may be
chosen) and `choose` (the outcome, a value); `sentences` says it, once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..vocabulary.values.cells import Cell
from ..vocabulary.values.choices import Choice, SelectQuery
from ..vocabulary.values.rows import TableRow
from .answer import answered, unmeasured, unsound
from .assess import assess
from .choose import Grounds, choose, nothing_measured
from .gather import gather
from .possible import of_file, require_possible
from .ranking import Ranking


def select(
    query: SelectQuery, rows: Iterable[TableRow], now_ns: int = 0, cells: Iterable[Cell] = ()
) -> Choice:
    """Answer a query from table rows.

    Args:
        query: the question; a limit that is unset limits nothing.
        rows: rows of the table; those that do not speak to the question are ignored.
        now_ns: UTC nanoseconds, for a limit on age.
        cells: cells and priors, shown where nothing was measured for the question.

    Returns:
        The choice with every recipe considered, why each was rejected, and what would settle
        what is open.

    Raises:
        BadInput: `BAD_ARGUMENT`, a limit that nothing can keep, or a file that nobody measured.
    """
    require_possible(query)
    rows = tuple(rows)
    if query.artifact is not None:
        rows = of_file(query.artifact, rows)
    gathered = gather(query, rows)
    assessed = assess(query, gathered, now_ns)
    eligible = [one for one in assessed if one.eligible]
    ranking = Ranking(query, eligible) if eligible else None
    standings, front = (ranking.standings, ranking.front()) if ranking else ({}, ())
    grounds = Grounds(query, gathered, assessed, standings, front)
    if gathered.unsound and not gathered.measured:
        return unsound(grounds)
    if not gathered.measured:
        return unmeasured(grounds, nothing_measured(query, assessed, rows, cells))
    return answered(grounds, choose(grounds, ranking, now_ns))
