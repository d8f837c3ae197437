"""Decisions about devices: health checks, mass losses, and which agent serves one.

Pure functions of plain values; `store.jobs.care` remembers, `lab.care` applies.
"""

from __future__ import annotations

import bisect
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, Health, JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.reasons import REFERENCE_MISMATCH
from bitgauge.benchmarks.vocabulary.shown import moment
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, Instance
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import Failure, MetricValue

from .scheduler import matches

SECOND_NS = 1_000_000_000
BRAKE_WINDOW_NS = 60 * SECOND_NS
BRAKE_MIN_AGENTS = 3
"""With fewer agents, losing more than half is nothing out of the ordinary."""
MAX_ACCURACY_SHIFT_PP = 0.5
"""Points by which a sound device may differ from the known accuracy; near-ties may flip."""
_NAMED = 5


@dataclass(frozen=True, slots=True)
class CareTerms:
    """How a lab is looked after.

    Attributes:
        check_every_ns: age at which a health check is due again; 0: never by age.
        check_every_jobs: jobs after which one is due again; 0: never by jobs. With both 0 there
            are no health checks at all.
        max_queued_per_user: jobs of one user that may wait at one time.
    """

    check_every_ns: int = 24 * 3600 * SECOND_NS
    check_every_jobs: int = 50
    max_queued_per_user: int = 100


@dataclass(frozen=True, slots=True)
class DeviceCare:
    """What is remembered about the care of one device.

    Attributes:
        cordoned: why it gets no job; None: it does.
        checked_unix_ns: when its newest health check was judged, UTC nanoseconds.
        jobs_since_check: leases of other jobs since then.
        open_check: job of the health check that is not judged yet.
    """

    health: Health = Health.SUSPECT
    cordoned: str | None = None
    retired: bool = False
    checked_unix_ns: int | None = None
    jobs_since_check: int = 0
    open_check: str | None = None

    @property
    def out(self) -> bool:
        """Whether it gets no job at all."""
        return self.retired or self.cordoned is not None


def check_due(care: DeviceCare, terms: CareTerms, now_ns: int) -> bool:
    """Whether a new health check has to come before the next job of this device."""
    if care.out or care.open_check is not None:
        return False
    if not (terms.check_every_ns or terms.check_every_jobs):
        return False
    if care.health is not Health.GOOD or care.checked_unix_ns is None:
        return True
    old = terms.check_every_ns and now_ns - care.checked_unix_ns >= terms.check_every_ns
    worn = terms.check_every_jobs and care.jobs_since_check >= terms.check_every_jobs
    return bool(old or worn)


def health_after(boot: str | None, now: str, health: Health) -> Health:
    """The health of a device that registers in boot `now`, when it was last known in `boot`.

    A machine that was started anew may have lost its power in the middle of something, and is
    checked before it measures again.
    """
    return Health.SUSPECT if boot != now and health is Health.GOOD else health


def interruption(boot: str | None, now: str) -> Failure:
    """Why the runs that an older agent of a device began were never reported.

    Args:
        boot: of its machine when that agent registered; None: not known.
        now: that in which the present one does.
    """
    if boot is not None and boot != now:
        return Failure(
            group=FailureGroup.ENVIRONMENT,
            code=Code.HOST_REBOOTED.value,
            message="the machine of the device started again while it measured this; the times are"
            " those of its lease",
            advice=CATALOGUE[Code.HOST_REBOOTED].advice,
        )
    return Failure(
        group=FailureGroup.HARNESS,
        code="interrupted",
        message="the agent ended while it measured this; the times are those of its lease",
        advice="Nothing: it is measured again while attempts are left. If it happens again, read"
        " the agent's log on the device.",
    )


class CheckOutcome(str, enum.Enum):
    """How a health check ended; a void one says nothing about its device."""

    PASSED = "passed"
    FAILED = "failed"
    VOID = "void"


def judge_check(
    state: JobState, reason: str | None, metrics: Iterable[MetricValue], known_accuracy_pct: float
) -> tuple[CheckOutcome, str]:
    """What an ended health check says about its device.

    Returns:
        The outcome, and a sentence without full stop for people.
    """
    if state is JobState.CANCELLED:
        return CheckOutcome.VOID, "the health check was cancelled"
    if state is not JobState.FINISHED:
        return CheckOutcome.FAILED, f"the health check failed: {reason or state.value}".rstrip(".")
    found = {metric.key: metric for metric in metrics}
    accuracy = found.get("accuracy_pct")
    if accuracy is None or accuracy.value is None:
        why = accuracy.reason if accuracy else "no number"
        return CheckOutcome.FAILED, f"the health check gave no accuracy ({why})"
    if abs(accuracy.value - known_accuracy_pct) > MAX_ACCURACY_SHIFT_PP:
        return CheckOutcome.FAILED, (
            f"the health check found an accuracy of {accuracy.value:.2f} %"
            f" where it is {known_accuracy_pct:.2f} %"
        )
    if REFERENCE_MISMATCH in accuracy.flags:
        return CheckOutcome.FAILED, "the health check predicted otherwise than the reference"
    return CheckOutcome.PASSED, f"accuracy {accuracy.value:.2f} %"


@dataclass(frozen=True, slots=True)
class Hearing:
    """When a device that takes part was heard, or promised to be silent until, last."""

    device_id: str
    heard_unix_ns: int
    leased: bool


@dataclass(frozen=True, slots=True)
class MassLoss:
    """More than half of the agents went silent together, so the fault is hardly theirs.

    Attributes:
        lost: the devices that did.
        known: how many were there before.
    """

    lost: frozenset[str]
    known: int

    @property
    def sentence(self) -> str:
        """What people are told, wherever they look."""
        return (
            f"{len(self.lost)} of {self.known} agents went silent within a minute, so no job is"
            " queued again until they are back; cordon or retire those that stay away"
        )


def mass_loss(
    hearings: Sequence[Hearing], now_ns: int, unreachable_after_ns: int
) -> MassLoss | None:
    """The mass loss that holds now, if there is one: then nothing may be queued again.

    It needs no memory, so a restart of the coordinator changes nothing, and it ends by itself
    when enough agents are back, or when those that stay away are cordoned or retired: then they
    take no part.
    """
    gone = sorted(
        (one.heard_unix_ns + unreachable_after_ns, one.device_id, one.leased)
        for one in hearings
        if now_ns - one.heard_unix_ns > unreachable_after_ns
    )
    # Each window that ends with a loss: who went away in it, of those that were there before it.
    for last in reversed(range(len(gone))):
        first = bisect.bisect_left(gone, (gone[last][0] - BRAKE_WINDOW_NS,))
        lost = gone[first : last + 1]
        known = len(hearings) - first
        held = any(leased for _, _, leased in lost)
        if held and known >= BRAKE_MIN_AGENTS and 2 * len(lost) > known:
            return MassLoss(frozenset(device_id for _, device_id, _ in lost), known)
    return None


def require_quota(user: str, waiting: int, terms: CareTerms) -> None:
    """Refuse one more job of a user who has too many that wait.

    Raises:
        Refused: `QUEUE_QUOTA`.
    """
    if waiting >= terms.max_queued_per_user:
        whose = f"the token {user!r}" if user else "this caller"
        raise Refused(
            Code.QUEUE_QUOTA,
            f"{waiting} jobs of {whose} wait already; the quota is {terms.max_queued_per_user}.",
        )


def waiting_words(spec: JobSpec, devices: Sequence[DeviceView]) -> str:
    """What a queued job waits for, naming the devices that could run it and why none does."""
    able = [view for view in devices if not view.retired and not matches(spec, view.description)]
    if not able:
        return "a device that it matches; none has registered"
    held = [f"{view.description.name} {why}" for view in able if (why := _hindrance(view))]
    if len(held) < len(able):
        return "its turn"
    more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
    return f"a device: {', '.join(held[:_NAMED])}{more}"


def _hindrance(view: DeviceView) -> str | None:
    """Why a device takes no job at this moment; None: it does."""
    if view.cordoned is not None:
        return f"is cordoned ({view.cordoned})"
    if view.state != "idle":
        return f"is {view.state}"
    return None


# -- which of two agents with one id serves a device ------------------------------------------
# Somebody may copy an agent's folder, or a whole disk. While the first of two is alive the second
# is refused; afterwards it may go on where the first stopped if it is the same machine. An agent
# that was killed and started again is neither: it is on the same boot, in the same folder, which
# one process alone can hold.
LONGEST_RIVAL_SHOWN_NS = 86_400 * 10**9
"""How long people are told of an agent that was refused."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where an agent's process sits.

    Attributes:
        incarnation: names the process.
        boot_id: names the boot of its machine.
        machine: names the machine for ever; empty where nothing does.
        place: names the device's folder on that machine; empty in what older agents told.
    """

    incarnation: str
    boot_id: str
    machine: str
    place: str


class Seating(enum.Enum):
    """Whether an agent may serve a device."""

    YES = "yes"
    TAKEN = "taken"
    ELSEWHERE = "elsewhere"


def may_serve(known: Seat, asks: Seat, *, alive: bool, joined: bool) -> Seating:
    """Whether `asks` may serve the device that `known` served last.

    Args:
        known: who registered it last.
        asks: who registers it now.
        alive: whether the first was heard of a moment ago.
        joined: whether the device has a certificate; on the coordinator's own machine whoever can
            read the token is at home.
    """
    if known.incarnation == asks.incarnation or not known.place:
        return Seating.YES
    same_place = known.place == asks.place
    same_machine = known.machine == asks.machine if known.machine and asks.machine else same_place
    if same_machine and same_place and known.boot_id == asks.boot_id:
        return Seating.YES
    if alive:
        return Seating.TAKEN
    return Seating.YES if same_machine or not joined else Seating.ELSEWHERE


def refusal(answer: Seating, name: str, first: Instance, second: Instance) -> BitgaugeError | None:
    """What the second agent is told; None when it may serve the device."""
    since = f"since {moment(first.since_unix_ns)}"
    if answer is Seating.TAKEN:
        return Refused(
            Code.AGENT_RUNNING,
            f"The device {name} is served by the agent of {first.words} {since}; that of"
            f" {second.words} is another one with the same id.",
        )
    if answer is Seating.ELSEWHERE:
        return Refused(
            Code.JOIN_REFUSED,
            f"The device {name} is that of {first.words}, {since}; {second.words} is another"
            f" machine with a copy of its folder. `bitgauge agents revoke {name}` ends the first;"
            " then this one may join anew.",
        )
    return None
