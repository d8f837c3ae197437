"""The command `explain`: why an artifact is slow or wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from .common import Source


def explain(
    run: Annotated[str, typer.Argument(metavar="RUN|JOB", help="Id of a run, or of a job.")],
    *,
    recipe: Annotated[
        str | None, typer.Option(help="Which entry of a job; else its worst.")
    ] = None,
    where: Source,
) -> None:
    """Say why an artifact is slow or wrong, and what to change.

    From the run's own evidence: time per operator under a profiler, the overflow ledger, and the
    kernel modes that the device's probe found.

    Example: bitgauge explain 7d41...
    """
    from bitgauge.benchmarks.record.explain.explain import explain as explained
    from bitgauge.benchmarks.vocabulary.shown import call_words

    from ..client.sources import chosen_run, subject_of
    from .text.explain import explanation_text

    with where.answers() as source:
        chosen = chosen_run(source, run, recipe)
        job = source.job(chosen.job_id)
        found = explained(subject_of(source, chosen))
    title = (
        f"{job.model_name}, {chosen.recipe}, {call_words(job.workload)}, on {chosen.device_name}"
        f" (run {chosen.run_id})"
    )
    where.show(found, lambda found: explanation_text(found, title))


PLACE = 70
"""Where the commands of this file stand in the help."""
COMMANDS = (explain,)
