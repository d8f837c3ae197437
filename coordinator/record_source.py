"""The records of a run or a job, from whoever answers: a coordinator or a database file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks.errors import Code, NotFound
from bitgauge.benchmarks.evidence import collect
from bitgauge.benchmarks.model import RawRef, RunView
from bitgauge.benchmarks.record_sources import PARSERS, Sources
from bitgauge.benchmarks.vocabulary import Disposition

if TYPE_CHECKING:
    from .cli_common import Answers


def sources_of(source: Answers, run: RunView) -> Sources:
    """All that a record of `run` is built from; raw files that cannot be had are noted."""

    def fetch(ref: RawRef) -> bytes:
        return source.blob(ref.digest)

    device = next(
        (one for one in source.devices() if one.description.device_id == run.device_id), None
    )
    return Sources(run, source.job(run.job_id), device, collect(run.raw, fetch, PARSERS))


def named_runs(source: Answers, names: Sequence[str]) -> tuple[RunView, ...]:
    """The runs that `names` name: a run by its id, a job's accepted runs by the job's.

    Raises:
        NotFound: nothing has that id, or the job has no accepted run yet.
    """
    return tuple(run for name in names for run in _named(source, name))


def _named(source: Answers, name: str) -> tuple[RunView, ...]:
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
