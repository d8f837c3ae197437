"""What an explanation needs, from whoever answers: a coordinator or a database file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bitgauge.benchmarks.errors import Code, NotFound
from bitgauge.benchmarks.explain import Subject, worst_of
from bitgauge.benchmarks.raw import RawFile
from bitgauge.benchmarks.raw_numerics import read_ledger
from bitgauge.benchmarks.raw_operators import operator_profile
from bitgauge.benchmarks.vocabulary import PassName, RawRole, RunStatus

from .record_source import named_runs, sources_of

if TYPE_CHECKING:
    from bitgauge.benchmarks.model import RunView
    from bitgauge.benchmarks.record_sources import Sources

    from .cli_common import Answers

T = TypeVar("T")


def chosen_run(source: Answers, name: str, recipe: str | None) -> RunView:
    """The run that `name` names: itself, or one of a job's.

    Args:
        source: who answers.
        name: id of a run or of a job.
        recipe: which of a job's entries; the worst one when not given.

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


def subject_of(source: Answers, run: RunView) -> Subject:
    """One run with what its raw files say."""
    return subject_in(sources_of(source, run))


def subject_in(known: Sources) -> Subject:
    """The run of a record's sources, as an explanation sees it."""
    run = known.run
    profile = _parsed(known, PassName.OPERATORS, RawRole.CANDIDATE, operator_profile)
    baseline = _parsed(known, PassName.OPERATORS, RawRole.BASELINE, operator_profile)
    return Subject(
        recipe=run.recipe,
        metrics={metric.key: metric for metric in run.metrics},
        is_baseline=known.is_baseline,
        batch=known.job.workload.batch,
        profile=profile,
        baseline_profile=baseline,
        ledger=_parsed(known, PassName.NUMERICS, RawRole.BOTH, read_ledger),
    )


def _parsed(
    known: Sources, pass_name: PassName, role: RawRole, parse: Callable[[RawFile], T]
) -> T | None:
    found = known.evidence.parsed(pass_name, role, parse)
    return found[0] if found else None
