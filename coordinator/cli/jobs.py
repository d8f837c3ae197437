"""What acts on one job or run: `watch`, `cancel`, `reanalyse`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .common import Coordinator, Interrupted

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.jobs import JobView

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]


def watch(job: JobId, *, coordinator: Coordinator) -> None:
    """Follow a job until it has ended. Exit code 1 when something failed.

    Example: bitgauge watch 3f0c...
    """
    from .follow import follow
    from .text.jobs import job_text

    with coordinator.client() as client:
        try:
            last = follow(client.watch(job), quiet=coordinator.json)
        except KeyboardInterrupt:
            raise Interrupted(goes_on([job])) from None
        last = last or client.job(job)
    coordinator.show(last, job_text)
    raise typer.Exit(exit_code([last]))


def cancel(job: JobId, *, coordinator: Coordinator) -> None:
    """Cancel a job that has not ended; what it measured so far is kept.

    Example: bitgauge cancel 3f0c...
    """
    from .text.jobs import job_text

    with coordinator.client() as client:
        view = client.cancel(job)
    coordinator.show(view, job_text)


def reanalyse(run: RunId, *, coordinator: Coordinator) -> None:
    """Compute a run's numbers again from its raw data. Exit code 1 when a digit differs.

    Example: bitgauge reanalyse 7d41...
    """
    from .text.runs import reanalysis_text

    with coordinator.client() as client:
        result = client.reanalyse(run)
    coordinator.show(result, lambda result: reanalysis_text(run, result))
    raise typer.Exit(0 if result.identical else 1)


def goes_on(job_ids: list[str]) -> str:
    """What to say when somebody stops watching: the jobs do not stop."""
    if len(job_ids) == 1:
        job = job_ids[0]
        return (
            f"Job {job} goes on; `bitgauge watch {job}` follows it,"
            f" `bitgauge cancel {job}` ends it."
        )
    return (
        f"Jobs {', '.join(job_ids)} go on; `bitgauge watch JOB` follows one,"
        " `bitgauge cancel JOB` ends it."
    )


def exit_code(jobs: list[JobView]) -> int:
    """0 when every entry was measured or is unsupported, 1 when something failed."""
    from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState

    bad = (EntryState.FAILED, EntryState.CANCELLED)
    whole = all(
        job.state is JobState.FINISHED and not any(entry.state in bad for entry in job.entries)
        for job in jobs
    )
    return 0 if whole else 1


PLACE = 30
"""Where the commands of this file stand in the help."""
COMMANDS = (watch, cancel, reanalyse)
