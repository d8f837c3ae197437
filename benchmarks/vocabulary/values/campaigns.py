"""Suites, refresh plans, campaigns and schedules as plain frozen values.

Like `model`: each class has a message of the same name and field names in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..enums import CampaignState, CellState, HardwareClass, ModelClass, Profile
from .calibration import Recalibration
from .devices import StackItem
from .digests import Digest
from .history import MetricChange
from .jobs import NO_OVERRIDES, JobSpec, ModelSource, Overrides, Selector, Workload
from .rows import StackChange


@dataclass(frozen=True, slots=True)
class SuiteModel:
    """One model of a suite, its files named by content.

    `output`, `dims`, `float32` and `sources` are as a job's.
    """

    name: str
    baseline: Digest
    evaluation: Digest
    calibration: Digest | None = None
    model_class: ModelClass | None = None
    output: str = ""
    dims: tuple[StackItem, ...] = ()
    float32: bool = False
    sources: tuple[ModelSource, ...] = ()


@dataclass(frozen=True, slots=True)
class Volume:
    """How much a part of the table is used: inferences per day. An unset field matches all."""

    per_day: float
    model_class: ModelClass | None = None
    hardware_class: HardwareClass | None = None
    workload: Workload | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """What a refresh keeps measured, its files already uploaded.

    Attributes:
        name: label of its campaigns.
        models: what to measure.
        recipes: canonical recipes, built from each model, each with `@` and what executes it
            where that is not the runtime of the selector.
        selectors: which devices, and by which runtime; a device that several match counts once.
        workloads: each model is measured under each.
        profile: how much measuring.
        overrides: what of the profile is overridden.
        accuracy_margin_pp: accuracy loss that counts as none, in points.
        use_case: name of the gate that says whether a cell passes.
        budget_s: device time that one refresh may take, in seconds; None: what it needs.
        max_age_s: age at which a result is stale, in seconds; None: none is too old.
        volumes: how much is used.
    """

    name: str
    models: tuple[SuiteModel, ...]
    recipes: tuple[str, ...]
    selectors: tuple[Selector, ...] = (Selector(),)
    workloads: tuple[Workload, ...] = (Workload(),)
    profile: Profile = Profile.QUICK
    overrides: Overrides = NO_OVERRIDES
    accuracy_margin_pp: float = 1.0
    use_case: str = "default"
    budget_s: int | None = None
    max_age_s: int | None = None
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True, slots=True)
class RefreshOrder:
    """What a refresh is asked for.

    Attributes:
        suite: None: whatever is stale in the table.
        stale_only: of the suite only what is stale.
        only: keeps the cells whose `model`, `recipe` or `device` is one of those named.
        budget_s: device time in seconds, instead of the suite's.
        recalibrate: without a suite, instead of what is stale: what was built with one calibration
            set, with another.
    """

    suite: Suite | None = None
    stale_only: bool = False
    only: tuple[StackItem, ...] = ()
    budget_s: int | None = None
    recalibrate: Recalibration | None = None

    @property
    def name(self) -> str:
        """What its campaign is called."""
        if self.suite is not None:
            return self.suite.name
        return "stale" if self.recalibrate is None else "recalibrate"


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One recipe of one model to be measured on one device, and why.

    `why` is `never_run`, `stale`, `undecided`, `failed` or `recalibrated`; `changes` names the
    inputs that are others now. `seconds` is the device time it is expected to take; the score
    orders the plan.
    """

    model_name: str
    recipe: str
    workload: Workload
    device_name: str
    runtime: str
    why: str
    changes: tuple[StackChange, ...] = ()
    seconds: float = 0.0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job of a plan: what needs it of one model, under one workload, on one device."""

    spec: JobSpec
    device_id: str
    device_name: str
    seconds: float
    cells: tuple[PlannedCell, ...]


@dataclass(frozen=True, slots=True)
class SkippedDevice:
    """A device that a suite selects and a plan leaves out."""

    device_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """What a refresh would measure, most valuable first.

    `cut` lists what the budget does not pay for; `fresh` counts the cells that need nothing.
    """

    jobs: tuple[PlannedJob, ...] = ()
    cut: tuple[PlannedCell, ...] = ()
    fresh: int = 0
    skipped: tuple[SkippedDevice, ...] = ()
    seconds: float = 0.0
    budget_s: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignJob:
    """One job of a campaign. `job_id` is None until it was submitted; `state` is then `waiting`."""

    n: int
    device_name: str
    model_name: str
    workload: Workload
    state: str
    entries: int
    entries_done: int = 0
    job_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignDevice:
    """How far a campaign is on one device. `seconds_left` is expected device time."""

    device_name: str
    jobs: int
    jobs_done: int
    cells: int
    cells_done: int
    seconds_left: float
    doing: str = ""


@dataclass(frozen=True, slots=True)
class CellChange:
    """What a campaign changed in one cell of its plan.

    Attributes:
        kind: `new improved regressed lost failed unsupported verdict same`.
        recipe: which recipe, with its session options where it was given some.
        before: state at the start; None: nothing was known.
        after: state now; None: it was not measured.
        metrics: how its numbers moved.
        verdicts: verdicts that are others now.
        stack: inputs that changed between the two measurements.
        reason: why there are no numbers.
        run_before: evidence at the start.
        run_after: evidence now.
    """

    kind: str
    model_name: str
    recipe: str
    workload: Workload
    device_name: str
    runtime: str
    before: CellState | None = None
    after: CellState | None = None
    metrics: tuple[MetricChange, ...] = ()
    verdicts: tuple[StackChange, ...] = ()
    stack: tuple[StackChange, ...] = ()
    reason: str | None = None
    run_before: str | None = None
    run_after: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignView:
    """One campaign as people see it; `diff` is there once it has ended."""

    campaign_id: str
    name: str
    state: CampaignState
    created_unix_ns: int
    jobs: tuple[CampaignJob, ...] = ()
    devices: tuple[CampaignDevice, ...] = ()
    diff: tuple[CellChange, ...] = ()
    ended_unix_ns: int | None = None
    reason: str | None = None
    submitted_by: str = ""
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A refresh that starts by itself; `cron` is read in UTC.

    `problem` says why it starts nothing.
    """

    name: str
    cron: str
    created_unix_ns: int
    next_unix_ns: int
    last_unix_ns: int | None = None
    last_campaign_id: str | None = None
    submitted_by: str = ""
    problem: str | None = None
