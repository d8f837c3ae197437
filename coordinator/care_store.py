"""What the store remembers of the care of devices: plain values and a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bitgauge.benchmarks.model import JobSpec, MetricValue
from bitgauge.benchmarks.vocabulary import JobState, ModelClass

from .lab_care import CheckOutcome, DeviceCare, Hearing


@dataclass(frozen=True, slots=True)
class EndedCheck:
    """A health check that has ended and was not judged yet."""

    job_id: str
    device_id: str
    state: JobState
    reason: str | None
    metrics: tuple[MetricValue, ...]


class CareStore(Protocol):
    """The part of the store that knows how devices are. Raises `BitgaugeError` only."""

    def care(self, device_id: str) -> DeviceCare:
        """What is remembered about a device. `UNKNOWN_DEVICE`."""

    def hearings(self) -> tuple[Hearing, ...]:
        """When each device that is neither cordoned nor retired was heard last."""

    def device_named(self, device: str) -> str:
        """The id of the device with this id or name, retired ones only when no other has it.

        `UNKNOWN_DEVICE`; `BAD_ARGUMENT` when several have the name.
        """

    def cordon(self, device_id: str, reason: str) -> None:
        """Give a device no further job; health `maintenance` unless `bad`. `DEVICE_RETIRED`."""

    def uncordon(self, device_id: str) -> None:
        """Take a device up again; its health is `suspect` until checked. `DEVICE_RETIRED`."""

    def retire(self, device_id: str, reason: str, now_ns: int) -> tuple[str, ...]:
        """Remove a device for good and end its lease; the ids of the jobs queued again."""

    def begin_check(
        self, job_id: str, device_id: str, spec: JobSpec, model_class: ModelClass, now_ns: int
    ) -> None:
        """Record a job as the health check of a device.

        Such a job is in no list and in no table, and asks for the quality pass alone.
        """

    def ended_checks(self) -> tuple[EndedCheck, ...]:
        """Health checks that have ended and wait for their judgement."""

    def checked(self, job_id: str, outcome: CheckOutcome, reason: str, now_ns: int) -> None:
        """Record the judgement: `good`, or `bad` and cordoned, or nothing."""

    def job_with_key(self, idempotency_key: str) -> str | None:
        """The job that this idempotency key made; None for an unknown or empty key."""

    def waiting_of(self, user: str) -> int:
        """How many jobs that this user submitted are building or queued."""
