"""What is known to be wrong with runtimes and kinds of artifacts: `issues`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..common import Source

if TYPE_CHECKING:
    from bitgauge.benchmarks.notices.issues import KnownIssue

    from ...client.answers import Reads


def issues(
    name: Annotated[str | None, typer.Argument(metavar="[ISSUE]", help="Only this one.")] = None,
    *,
    run: Annotated[str | None, typer.Option(help="Only what touches this run.")] = None,
    where: Source,
) -> None:
    """List known issues: what they touch, what to do, where they were seen.

    Example: bitgauge issues --run 7d41
    """
    from bitgauge.benchmarks.notices.file import required, shipped

    from ..text.shipping.issues import issues_text

    found = shipped() if name is None else (required(name, shipped()),)
    if run is not None:
        with where.answers() as source:
            found = _of_run(source, run, found)
    where.show(found, issues_text)


def _of_run(source: Reads, run: str, issues: tuple[KnownIssue, ...]) -> tuple[KnownIssue, ...]:
    """Those that touch a run, by what it was measured with."""
    from bitgauge.benchmarks.notices.issues import Touched, touching
    from bitgauge.benchmarks.vocabulary.enums import ModelClass

    view = source.run(run)
    job = source.job(view.job_id)
    entry = job.entries[view.entry_index]
    stack = {item.name: item.value for item in view.stack}
    one = Touched(
        runtime=entry.runtime,
        version=stack.get(f"runtime.{entry.runtime}", ""),
        recipe=view.recipe,
        kind=entry.artifact_kind,
        model_class=job.model_class or ModelClass.OTHER,
    )
    return touching(issues, one)
