"""What the store remembers of how far devices can be trusted: a protocol on plain values.

Drift is judged by the store itself, in the transaction that ends a job: nobody ever sees a job
that has ended and is yet to be called suspect.
"""

from __future__ import annotations

from typing import Protocol

from bitgauge.benchmarks.credentials import AaCertificate
from bitgauge.benchmarks.model import JobSpec
from bitgauge.benchmarks.vocabulary import ModelClass


class TrustStore(Protocol):
    """The part of the store that knows A/A certificates. Raises `BitgaugeError` only."""

    def begin_certification(
        self,
        job_id: str,
        device_id: str,
        spec: JobSpec,
        model_class: ModelClass,
        now_ns: int,
        *,
        submitted_by: str = "",
    ) -> tuple[str, bool]:
        """Record a job as the certification of a device and of the runtime that `spec` names.

        Its certificate is issued, or refused, when the job has finished. One that fails or is
        cancelled says nothing. `DEVICE_RETIRED`.

        Returns:
            The id of the job, and whether this call made it: one certification at a time.
        """

    def certificates(
        self, device_id: str, runtime: str, fingerprint: str
    ) -> tuple[AaCertificate, ...]:
        """Every certificate of one device, runtime and stack, refused ones too, oldest first."""
