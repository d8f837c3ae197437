"""The first step: which rows of the table speak to a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..table.units import Unit, best_rows, comparable, current_baselines, told_apart, unit_of
from ..vocabulary.enums import Objective, Scenario
from ..vocabulary.reasons import UNCONFIRMED
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.jobs import Workload
from ..vocabulary.values.rows import TableRow
from .broken import Broken, broken_models, unjudged_models
from .checks import with_throughput_ratio
from .objections import is_baseline


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows that answer a query, one per recipe and unit, in a fixed order.

    Attributes:
        rows: of real devices, for the class, hardware and workload of the question.
        units: where a recipe must hold: every unit of these rows.
        outdated: models of which rows were left out that were compared with an older baseline.
        unsound: of each unit that was left out, because nothing can be compared with its
            baseline, the row that says so.
        broken: models that were left out, because they say nothing of any recipe.
        own: files that were left out, because they stand for no other model.
        unjudged: models that say nothing of accuracy.
        unconfirmed: devices that were left out, because nobody has confirmed what they are.
        names: what a row is called, by its variant and the file that it is of.
    """

    rows: tuple[TableRow, ...]
    units: tuple[Unit, ...]
    outdated: tuple[str, ...] = ()
    unsound: tuple[TableRow, ...] = ()
    broken: tuple[Broken, ...] = ()
    own: tuple[TableRow, ...] = ()
    unjudged: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    names: Mapping[tuple[str, Digest | None], str] = field(default_factory=dict)

    def name(self, row: TableRow) -> str:
        """What a row is called among these: its recipe, and which file where that is not enough."""
        return self.names.get((row.variant, row.artifact), row.variant)

    @property
    def measured(self) -> bool:
        """Whether any row holds numbers."""
        return any(row.state.has_numbers for row in self.rows)


def gather(query: SelectQuery, rows: Iterable[TableRow]) -> Gathered:
    """The rows that speak to a query: same class, hardware, workload; real devices only.

    Of several profiles of one unit the most thorough counts, of equals the newest; one that was
    overridden to measure less comes last. Rows that were compared with an older baseline of a
    model are left out, and so are devices that nobody confirmed, units whose baseline is not
    sound, and broken models; numbers of an older definition of their metric, or of another output
    than was judged last, are null.

    Where one model is left, each file of its owner's is looked at for itself. Of several models a
    file stands for its recipe, and one that is in none for nothing.
    """
    asked = [row for row in rows if _answers(query, row) and row.workload == query.workload]
    stranger = [row for row in asked if UNCONFIRMED in row.flags]
    current, outdated = current_baselines([row for row in asked if UNCONFIRMED not in row.flags])
    unsound = _unsound(current)
    sound = [row for row in current if unit_of(row) not in unsound]
    broken = broken_models(sound)
    left = {one.model for one in broken}
    kept = [row for row in sound if row.model_name not in left]
    own: tuple[TableRow, ...] = ()
    if len({row.model_name for row in kept}) == 1:
        names = told_apart(kept)
        best = best_rows(kept, lambda row: names[row.variant, row.artifact])
    else:
        names, own = {}, tuple(row for row in kept if row.stands_alone)
        best = best_rows(row for row in kept if not row.stands_alone)
    ordered = comparable(best)
    if query.objective is Objective.THROUGHPUT:
        baselines = {unit_of(row): row for row in ordered if is_baseline(row)}
        ordered = tuple(with_throughput_ratio(row, baselines.get(unit_of(row))) for row in ordered)
    units = tuple(sorted({unit_of(row) for row in ordered}))
    return Gathered(
        ordered,
        units,
        outdated,
        tuple(unsound[unit] for unit in sorted(unsound)),
        broken,
        own,
        unjudged_models(ordered),
        tuple(sorted({row.device_name for row in stranger})),
        names,
    )


def _unsound(rows: Iterable[TableRow]) -> dict[Unit, TableRow]:
    """The newest row of each unit, where it says that its baseline is not sound."""
    newest: dict[Unit, TableRow] = {}
    for row in rows:
        if row.state.has_numbers:
            newest[unit_of(row)] = max(row, newest.get(unit_of(row), row), key=_age)
    return {unit: row for unit, row in newest.items() if row.unsound}


def _age(row: TableRow) -> tuple[int, str]:
    return row.measured_unix_ns or 0, repr(row)


def measured_workloads(query: SelectQuery, rows: Iterable[TableRow]) -> tuple[Workload, ...]:
    """The workloads that were measured for the same class and hardware, whatever the scenario."""
    found = {_plain(row.workload) for row in rows if _answers(query, row)}
    return tuple(sorted(found, key=lambda one: (one.is_llm, *_sizes(one))))


def _plain(workload: Workload) -> Workload:
    """A workload of calls, as people say it: by its batch and threads."""
    return workload if workload.is_llm else replace(workload, scenario=Scenario.SINGLE_STREAM)


def _sizes(workload: Workload) -> tuple[int, ...]:
    tokens = (workload.prompt_tokens, workload.generated_tokens)
    return (workload.batch, workload.threads, *tokens)


def _answers(query: SelectQuery, row: TableRow) -> bool:
    """Whether a row is about what was asked, its workload aside."""
    return (
        row.model_class is query.model_class
        and row.hardware_class is query.hardware_class
        and query.model_name in (None, row.model_name)
        and (query.runtime in (None, row.runtime) or row.is_baseline)
        and row.realness.keeps_time
    )
