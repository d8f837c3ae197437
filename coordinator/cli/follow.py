"""Follow jobs on stderr: a bar on a terminal, a short line per change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol

from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.benchmarks.vocabulary.values.jobs import JobView

from .text.jobs import entry_words, settled

ENDED = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)
# The bar is redrawn seldom: on a small machine drawing would disturb what is being measured.
_REDRAWS_PER_SECOND = 1
# Fixed, so that the bar does not move when the words change.
_HEADLINE_WIDTH = 52


class Follower(Protocol):
    """Shows the states of one job after another; a context manager."""

    def __enter__(self) -> Follower:
        """Begin to show."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop showing."""

    def show(self, job: JobView) -> None:
        """Show one state of a job."""

    def print(self, text: str) -> None:
        """Print finished text, such as a table, to stdout."""


def follower(quiet: bool = False) -> Follower:
    """The follower that suits stderr; a quiet one shows nothing."""
    if quiet:
        return _Quiet()
    return _Bars() if sys.stderr.isatty() else _Lines()


def follow(views: Iterable[JobView], shown: Follower) -> JobView | None:
    """Show every state until the stream ends; the last one."""
    last = None
    for view in views:
        shown.show(view)
        last = view
    return last


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
    name = f"{job.model_name} batch {job.workload.batch}"
    if job.state is JobState.LEASED and job.progress is not None:
        return f"{name}: {job.progress.recipe} {job.progress.step}"
    if job.state is JobState.QUEUED and job.waiting_for:
        return f"{name}: queued, {job.waiting_for}"
    return f"{name}: {job.state.value}"


class _Quiet:
    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, job: JobView) -> None:
        del job

    def print(self, text: str) -> None:
        del text


class _Lines:
    """Plain lines: one when a job changes its state, one when an entry is settled."""

    def __init__(self) -> None:
        self._seen: dict[str, JobView] = {}

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, job: JobView) -> None:
        before = self._seen.get(job.job_id)
        self._seen[job.job_id] = job
        for line in changes(before, job):
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def print(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def changes(before: JobView | None, job: JobView) -> list[str]:
    """What is worth a line since the last state of a job."""
    name = f"{job.model_name} batch {job.workload.batch}"
    lines = []
    waits = before is None or before.waiting_for != job.waiting_for
    if before is None or before.state is not job.state or (job.waiting_for and waits):
        place = f" on {job.device_name}" if job.state is JobState.LEASED else ""
        why = job.reason or job.waiting_for
        lines.append(f"{name}: {job.state.value}{place}{f', {why}' if why else ''}")
    old = {entry.index: entry.state for entry in before.entries} if before else {}
    open_states = (EntryState.BUILDING, EntryState.READY)
    for entry in job.entries:
        if entry.state not in open_states and old.get(entry.index) is not entry.state:
            place = f"{settled(job)}/{len(job.entries)}"
            lines.append(f"{name}: {place} {entry.recipe or entry.name} {entry_words(entry)}")
    return lines


class _Bars:
    """One bar per job on a terminal, with what is measured now and the time gone."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[done]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True, highlight=False),
            refresh_per_second=_REDRAWS_PER_SECOND,
        )
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, job: JobView) -> None:
        from rich.progress import TaskID

        task = self._tasks.get(job.job_id)
        if task is None:
            task = self._progress.add_task(headline(job), total=1.0, done="")
            self._tasks[job.job_id] = task
        assert isinstance(task, int)
        self._progress.update(
            TaskID(task),
            description=f"{headline(job)[:_HEADLINE_WIDTH]:{_HEADLINE_WIDTH}}",
            completed=fraction(job),
            done=f"{settled(job)}/{len(job.entries)}",
        )

    def print(self, text: str) -> None:
        """Take the bars away, print, and go on below."""
        self._progress.stop()
        for task in list(self._progress.task_ids):
            self._progress.remove_task(task)
        self._tasks.clear()
        from .common import print_text

        print_text(text)
        self._progress.start()
