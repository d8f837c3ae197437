"""Follow jobs on stderr: a bar on a terminal, a short line per change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.walks.presented import presented
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.benchmarks.vocabulary.shown import call_words
from bitgauge.benchmarks.vocabulary.values.jobs import JobView

from ..decisions.job_now import ENDED
from .common import print_json, print_text, say
from .text.jobs import entry_name, entry_words, settled

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.rows import TableRow

    from ..client.client import Client
    from ..client.upload import Uploaded

_TELL_EVERY_S = 3.0

# The bar is redrawn seldom: on a small machine drawing would disturb what is being measured.
_REDRAWS_PER_SECOND = 1
# Fixed, so that the bar does not move when the words change.
_HEADLINE_WIDTH = 52


def follow(views: Iterable[JobView], *, quiet: bool = False) -> JobView | None:
    """Show every state of a job until the stream ends, unless `quiet`; the last one."""
    if not quiet:
        views = map(presented, views)
        views = _bar(views) if sys.stderr.isatty() else _lines(views)
    last = None
    for view in views:
        last = view
    return last


class Once:
    """Says a line unless it is the one said last."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = ""

    def __call__(self, line: str) -> None:
        """Say `line` if it is new."""
        if line != self._last:
            self._last = line
            self._say(line)


def fraction(job: JobView) -> float:
    """How much of a job is done, 0 to 1."""
    if job.state in ENDED:
        return 1.0
    done = float(settled(job))
    if job.state is JobState.LEASED and job.progress is not None:
        done += min(max(job.progress.fraction, 0.0), 1.0)
    return min(1.0, done / max(1, len(job.entries)))


def headline(job: JobView) -> str:
    """What a job is doing, in a few words."""
    name = f"{job.model_name} {call_words(job.workload)}"
    if job.state is JobState.LEASED and job.progress is not None:
        return f"{name}: {job.progress.recipe} {job.progress.step}"
    if job.state is JobState.BUILDING and job.waiting_for:
        return f"{name}: {job.waiting_for}"
    if job.state is JobState.QUEUED and job.waiting_for:
        return f"{name}: queued, {job.waiting_for}"
    return f"{name}: {job.state.value}"


def _lines(views: Iterable[JobView]) -> Iterator[JobView]:
    """Plain lines: one when the job changes its state, one when an entry is settled."""
    before = None
    for view in views:
        for line in changes(before, view):
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
        before = view
        yield view


def changes(before: JobView | None, job: JobView) -> list[str]:
    """What is worth a line since the last state of a job."""
    name = f"{job.model_name} {call_words(job.workload)}"
    lines = []
    waits = before is None or before.waiting_for != job.waiting_for
    if before is None or before.state is not job.state or (job.waiting_for and waits):
        place = f" on {job.device_name}" if job.state is JobState.LEASED else ""
        analysing = job.state is JobState.ANALYSING
        why = job.reason or (None if analysing else job.waiting_for)
        if job.state is JobState.BUILDING and why:
            lines.append(f"{name}: {why}")
        else:
            lines.append(f"{name}: {job.state.value}{place}{f', {why}' if why else ''}")
    old = {entry.index: entry.state for entry in before.entries} if before else {}
    open_states = (EntryState.BUILDING, EntryState.READY)
    for entry in job.entries:
        if entry.state not in open_states and old.get(entry.index) is not entry.state:
            place = f"{settled(job)}/{len(job.entries)}"
            lines.append(f"{name}: {place} {entry_name(entry, job)} {entry_words(entry, job)}")
    return lines


def _bar(views: Iterable[JobView]) -> Iterator[JobView]:
    """One bar, with what is measured now and the time gone."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.text import Text

    class Since(ProgressColumn):
        """Seconds since the words changed: a build has no other progress."""

        def render(self, task: Task) -> Text:
            began_s = task.fields["began_s"]
            return Text("" if began_s is None else f"({time.monotonic() - began_s:.0f} s)")

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        Since(),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[done]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False),
        refresh_per_second=_REDRAWS_PER_SECOND,
    )
    with progress:
        task = began_s = None
        shown = ""
        for view in views:
            if task is None:
                task = progress.add_task("", total=1.0, done="", began_s=None)
            if headline(view) != shown:
                shown, now_s = headline(view), time.monotonic()
                began_s = now_s if view.state is JobState.BUILDING else None
            progress.update(
                task,
                description=f"{shown[:_HEADLINE_WIDTH]:{_HEADLINE_WIDTH}}",
                began_s=began_s,
                completed=fraction(view),
                done=f"{settled(view)}/{len(view.entries)}",
            )
            yield view


def telling() -> Callable[[int, int], None]:
    """Says every few seconds how much of an upload has gone."""
    from bitgauge.benchmarks.vocabulary.shown import size

    last = time.monotonic()

    def told(sent_bytes: int, of_bytes: int) -> None:
        nonlocal last
        if time.monotonic() - last > _TELL_EVERY_S:
            last = time.monotonic()
            say(f"sent {size(sent_bytes)} of {size(of_bytes)}")

    return told


@dataclass(frozen=True, slots=True)
class RunResult:
    """What `bitgauge run --json` prints."""

    jobs: tuple[JobView, ...]
    rows: tuple[TableRow, ...]
    uploaded: Uploaded


def print_detached(client: Client, job_ids: list[str], uploaded: Uploaded, *, json: bool) -> None:
    """What `bitgauge run --detach` prints."""
    if json:
        views = tuple(client.job(job_id) for job_id in job_ids)
        print_json(RunResult(views, (), uploaded))
    else:
        print_text("\n".join(job_ids))


def print_result(client: Client, views: list[JobView], uploaded: Uploaded, *, json: bool) -> None:
    """The rows of jobs that were followed, and what there is to say of those without."""
    from bitgauge.benchmarks.vocabulary.enums import JobState
    from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

    from .text.jobs import job_text
    from .text.rows import table_text
    from .text.trust import suspect_words

    rows = tuple(row for view in views for row in client.table(TableQuery(job_id=view.job_id)))
    if json:
        print_json(RunResult(tuple(views), rows, uploaded))
        return
    if rows:
        print_text(table_text(rows, client.devices()))
    for view in views:
        if view.state is not JobState.FINISHED or not rows:
            print_text(job_text(view))
        elif view.suspect is not None:
            say(f"job {view.job_id}: {suspect_words(view)}.")
