"""How far a campaign is: its jobs, its devices, and the time left on each. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.campaign_values import CampaignDevice, CampaignJob
from bitgauge.benchmarks.model import JobView
from bitgauge.benchmarks.vocabulary import JobState

from .campaigns import Step
from .jobs import ENDED, SETTLED

WAITING = "waiting"
REFUSED = "refused"


def jobs_of(steps: Sequence[Step]) -> tuple[CampaignJob, ...]:
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


def _state(step: Step) -> str:
    """Of a job and what followed from it, the state of what is still under way."""
    if step.refused is not None:
        return REFUSED
    if not step.views:
        return WAITING
    running = [view for view in step.views if view.state not in ENDED]
    return (running or step.views)[0].state.value


def _done(step: Step) -> int:
    return sum(entry.state in SETTLED for view in step.views for entry in view.entries)


def devices_of(steps: Sequence[Step]) -> tuple[CampaignDevice, ...]:
    """How far each device of a campaign is, by name."""
    grouped: dict[str, list[Step]] = {}
    for step in steps:
        grouped.setdefault(step.device_id, []).append(step)
    found = [_device(group) for group in grouped.values()]
    return tuple(sorted(found, key=lambda device: device.device_name))


def _device(steps: Sequence[Step]) -> CampaignDevice:
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


def _left(step: Step) -> float:
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
