"""What may happen to a campaign: one table and a few pure decisions, as `jobs` for jobs."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.enums import CampaignState, JobState
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignDevice, CampaignJob
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView

from .job_now import ENDED as JOB_ENDED
from .job_now import SETTLED
from .transitions import Transitions

QUEUED_PER_DEVICE = 2
"""Jobs of one campaign that wait or run on one device: one runs, one is built meanwhile."""

ENDED = frozenset({CampaignState.FINISHED, CampaignState.CANCELLED, CampaignState.FAILED})


class CampaignEvent(str, enum.Enum):
    """What can happen to a campaign."""

    BEGIN = "begin"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"


# A paused campaign whose last job ends has finished: nothing is left to pause.
TRANSITIONS: Transitions[CampaignState, CampaignEvent] = Transitions(
    {
        (CampaignState.PLANNED, CampaignEvent.BEGIN): CampaignState.RUNNING,
        (CampaignState.PLANNED, CampaignEvent.PAUSE): CampaignState.PAUSED,
        (CampaignState.PLANNED, CampaignEvent.FINISH): CampaignState.FINISHED,
        (CampaignState.PLANNED, CampaignEvent.CANCEL): CampaignState.CANCELLED,
        (CampaignState.RUNNING, CampaignEvent.PAUSE): CampaignState.PAUSED,
        (CampaignState.RUNNING, CampaignEvent.FINISH): CampaignState.FINISHED,
        (CampaignState.RUNNING, CampaignEvent.FAIL): CampaignState.FAILED,
        (CampaignState.RUNNING, CampaignEvent.CANCEL): CampaignState.CANCELLED,
        (CampaignState.PAUSED, CampaignEvent.RESUME): CampaignState.RUNNING,
        (CampaignState.PAUSED, CampaignEvent.FINISH): CampaignState.FINISHED,
        (CampaignState.PAUSED, CampaignEvent.FAIL): CampaignState.FAILED,
        (CampaignState.PAUSED, CampaignEvent.CANCEL): CampaignState.CANCELLED,
    },
    Code.CAMPAIGN_STATE,
)


@dataclass(frozen=True, slots=True)
class CampaignStep:
    """One job of a campaign as its driver sees it.

    Attributes:
        seconds: device time it is expected to take.
        job_id: None until it was submitted.
        refused: why it could not be submitted at all.
        views: the job, and what followed from it: repetitions, and what saturates in exact mode.
    """

    n: int
    device_id: str
    device_name: str
    spec: JobSpec
    seconds: float
    job_id: str | None = None
    refused: str | None = None
    views: tuple[JobView, ...] = ()

    @property
    def waiting(self) -> bool:
        """Whether it has yet to be submitted."""
        return self.job_id is None and self.refused is None

    @property
    def ended(self) -> bool:
        """Whether nothing of it is left to happen."""
        if self.refused is not None:
            return True
        return bool(self.views) and all(view.state in JOB_ENDED for view in self.views)


def to_submit(steps: Sequence[CampaignStep]) -> tuple[CampaignStep, ...]:
    """The steps whose jobs should be submitted now, in order: a few per device at a time."""
    open_jobs: dict[str, int] = {}
    for step in steps:
        if not step.waiting and not step.ended:
            open_jobs[step.device_id] = open_jobs.get(step.device_id, 0) + 1
    chosen = []
    for step in sorted((step for step in steps if step.waiting), key=lambda step: step.n):
        if open_jobs.get(step.device_id, 0) < QUEUED_PER_DEVICE:
            open_jobs[step.device_id] = open_jobs.get(step.device_id, 0) + 1
            chosen.append(step)
    return tuple(chosen)


def ending(steps: Sequence[CampaignStep]) -> tuple[CampaignEvent, str | None] | None:
    """How a campaign ends, and why; None while something of it is left.

    It fails only when nothing of it could be measured.
    """
    if not all(step.ended for step in steps):
        return None
    measured = any(view.state is JobState.FINISHED for step in steps for view in step.views)
    if measured or not steps:
        return CampaignEvent.FINISH, None
    reasons = [
        step.refused or next((v.reason for v in step.views if v.reason), "") for step in steps
    ]
    why = next((reason for reason in reasons if reason), "every job failed")
    return CampaignEvent.FAIL, f"Nothing could be measured: {why}"


def key_of(campaign_id: str, n: int) -> str:
    """The idempotency key of a campaign's job: however often it is submitted, it is one job."""
    return f"campaign:{campaign_id}:{n}"


WAITING = "waiting"
REFUSED = "refused"


def jobs_of(steps: Sequence[CampaignStep]) -> tuple[CampaignJob, ...]:
    """The jobs of a campaign as people see them."""
    return tuple(
        CampaignJob(
            n=step.n,
            device_name=step.device_name,
            model_name=step.spec.model_name,
            workload=step.spec.workload,
            state=_state(step),
            entries=sum(len(view.entries) for view in step.views) or len(step.spec.entries),
            entries_done=_done(step),
            job_id=step.job_id,
            reason=step.refused or next((one.reason for one in step.views if one.reason), None),
        )
        for step in steps
    )


def _state(step: CampaignStep) -> str:
    """Of a job and what followed from it, the state of what is still under way."""
    if step.refused is not None:
        return REFUSED
    if not step.views:
        return WAITING
    running = [view for view in step.views if view.state not in JOB_ENDED]
    return (running or step.views)[0].state.value


def _done(step: CampaignStep) -> int:
    return sum(entry.state in SETTLED for view in step.views for entry in view.entries)


def devices_of(steps: Sequence[CampaignStep]) -> tuple[CampaignDevice, ...]:
    """How far each device of a campaign is, by name."""
    grouped: dict[str, list[CampaignStep]] = {}
    for step in steps:
        grouped.setdefault(step.device_id, []).append(step)
    found = [_device(group) for group in grouped.values()]
    return tuple(sorted(found, key=lambda device: device.device_name))


def _device(steps: Sequence[CampaignStep]) -> CampaignDevice:
    jobs = jobs_of(steps)
    return CampaignDevice(
        device_name=steps[0].device_name,
        jobs=len(steps),
        jobs_done=sum(step.ended for step in steps),
        cells=sum(job.entries for job in jobs),
        cells_done=sum(job.entries_done for job in jobs),
        seconds_left=sum(_left(step) for step in steps),
        doing=next((doing for step in steps for view in step.views if (doing := _doing(view))), ""),
    )


def _left(step: CampaignStep) -> float:
    """Expected device seconds: the share of the entries that is not settled."""
    if step.ended:
        return 0.0
    entries = sum(len(view.entries) for view in step.views) or len(step.spec.entries)
    return step.seconds * (1.0 - _done(step) / max(1, entries))


def _doing(view: JobView) -> str:
    if view.state is not JobState.LEASED or view.progress is None:
        return ""
    batch = view.workload.batch
    return f"{view.model_name} batch {batch}: {view.progress.recipe} {view.progress.step}"
