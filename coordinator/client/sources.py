"""The records of a run or a job, from whoever answers: a coordinator or a database file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.files import collect
from bitgauge.benchmarks.raw.numerics import read_ledger
from bitgauge.benchmarks.raw.operators import operator_profile
from bitgauge.benchmarks.raw.spent import Spent, spent_by_pass
from bitgauge.benchmarks.record.explain.explain import ExplainedRun, worst_of
from bitgauge.benchmarks.record.sources import PARSERS, Sources
from bitgauge.benchmarks.record.tensors import (
    MOST_TENSORS,
    ComparisonByTensor,
    RowApart,
    apart,
    worth_a_look,
)
from bitgauge.benchmarks.vocabulary.enums import Disposition, PassName, RawRole, RunStatus
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.kernel_modes import probe_map_of
from bitgauge.benchmarks.vocabulary.session_options import exact_words, other_ways
from bitgauge.benchmarks.vocabulary.values.history import Comparison
from bitgauge.benchmarks.vocabulary.values.runs import RawRef, RunView

if TYPE_CHECKING:
    from .answers import Reads


def sources_of(source: Reads, run: RunView) -> Sources:
    """All that a record of `run` is built from; raw files that cannot be had are noted."""

    def fetch(ref: RawRef) -> bytes:
        return source.blob(ref.digest)

    device = next(
        (one for one in source.devices() if one.description.device_id == run.device_id), None
    )
    return Sources(run, source.job(run.job_id), device, collect(run.raw, fetch, PARSERS))


def named_runs(source: Reads, names: Sequence[str]) -> tuple[RunView, ...]:
    """The runs that `names` name: a run by its id, a job's accepted runs by the job's.

    Raises:
        NotFound: nothing has that id, or the job has no accepted run yet.
    """
    return tuple(run for name in names for run in _named(source, name))


def _named(source: Reads, name: str) -> tuple[RunView, ...]:
    try:
        return (source.run(name),)
    except NotFound as error:
        if error.code is not Code.UNKNOWN_RUN:
            raise
    try:
        found = source.runs(name)
    except NotFound as error:
        raise NotFound(Code.UNKNOWN_RUN, f"No run and no job has the id {name!r}.") from error
    accepted = [run for run in found if run.disposition is Disposition.ACCEPTED]
    if not accepted:
        raise NotFound(Code.UNKNOWN_RUN, f"Job {name} has no accepted run yet.")
    return tuple(sorted(accepted, key=lambda run: run.entry_index))


T = TypeVar("T")


def chosen_run(source: Reads, name: str, recipe: str | None) -> RunView:
    """The run that `name` names: itself, or of a job's the one of `recipe`, else the worst.

    Raises:
        NotFound: there is no such run.
    """
    runs = [run for run in named_runs(source, [name]) if run.status is RunStatus.MEASURED]
    if recipe is not None:
        runs = [run for run in runs if run.recipe == recipe]
    if not runs:
        what = f"of recipe {recipe!r} " if recipe else ""
        raise NotFound(Code.UNKNOWN_RUN, f"{name} has no measured run {what}to explain.")
    by_id = {run.run_id: run for run in runs}
    metrics = {
        run_id: {metric.key: metric for metric in run.metrics}
        for run_id, run in by_id.items()
        if len(by_id) == 1 or run.entry_index
    }
    worst = worst_of(metrics)
    return by_id[worst] if worst is not None else runs[0]


def spent_on(source: Reads, run: RunView) -> tuple[tuple[Spent, ...], tuple[Spent, ...]]:
    """Where the seconds of a run's own launches went, and of those that the baseline's run made."""
    read = sources_of(source, run).raw_files.files
    baseline = run.entry_index > 0

    def of(*, shared: bool) -> tuple[Spent, ...]:
        return spent_by_pass(
            (one.ref.pass_name.value, one.ref.role, one.raw)
            for one in read
            if one.raw is not None and (baseline and _is_shared(one.ref)) is shared
        )

    return of(shared=False), of(shared=True)


def _is_shared(ref: RawRef) -> bool:
    """Whether the baseline's run made a launch that a candidate's run names."""
    floor = ref.role is RawRole.FLOOR and ref.pass_name is not PassName.SENTINEL
    return floor or ref.role is RawRole.BASELINE


def subject_of(source: Reads, run: RunView) -> ExplainedRun:
    """One run with what its raw files say."""
    return subject_in(sources_of(source, run))


def subject_in(known: Sources) -> ExplainedRun:
    """The run of a record's sources, as an explanation sees it."""
    run = known.run
    profile = _parsed(known, PassName.OPERATORS, RawRole.CANDIDATE, operator_profile)
    baseline = _parsed(known, PassName.OPERATORS, RawRole.BASELINE, operator_profile)
    return ExplainedRun(
        recipe=run.recipe,
        metrics={metric.key: metric for metric in run.metrics},
        is_baseline=known.is_baseline,
        batch=known.job.workload.batch,
        profile=profile,
        baseline_profile=baseline,
        runtime=_runtime_of(known, known.run.entry_index),
        baseline_runtime=_runtime_of(known, 0),
        threads=known.job.workload.threads,
        ledger=_parsed(known, PassName.NUMERICS, RawRole.BOTH, read_ledger),
        exact=exact_words(known.runtime),
        other_ways=other_ways(known.runtime, str(known.given("session_options").value or "")),
    )


def in_tensors(source: Reads, found: Comparison) -> ComparisonByTensor:
    """A comparison with the tensors that the kernels of its runs make unlike."""
    known = tuple(
        one
        for row in worth_a_look(found)
        if row.before.run_id and row.after.run_id
        if (one := _apart(source, row.before.run_id, row.after.run_id)).tensors
    )
    return ComparisonByTensor(
        found.before, found.after, found.factor, found.rows, found.left_out, known
    )


def _apart(source: Reads, before: str, after: str) -> RowApart:
    runs = (source.run(before), source.run(after))
    first, second = (
        _parsed(sources_of(source, run), PassName.NUMERICS, RawRole.BOTH, read_ledger)
        for run in runs
    )
    if first is None or second is None:
        return RowApart(before, after)
    modes = (probe_map_of(runs[0].stack), probe_map_of(runs[1].stack))
    tensors = apart(first, second, modes)
    more = max(0, len(tensors) - MOST_TENSORS)
    return RowApart(before, after, tensors[:MOST_TENSORS], more)


def _runtime_of(known: Sources, entry: int) -> str:
    return known.job.entries[entry].runtime


def _parsed(
    known: Sources, pass_name: PassName, role: RawRole, parse: Callable[[RawFile], T]
) -> T | None:
    found = known.raw_files.parsed(pass_name, role, parse)
    return found[0] if found else None
