"""The client's calls to Jobs: jobs, their runs, and the devices that run them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import grpc
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, Reanalysis, RunView
from bitgauge.protos.v1 import lab_pb2 as pb

from .connection import Connection
from .errors import status_of

# Both wait for a background step, and for a slot for it. Who waits to submit hears what for, and
# a coordinator that is lost shows by itself.
SUBMIT_TIMEOUT_S = 3600.0
_RESTART_PAUSES_S = (0.5, 2.0)
REANALYSE_TIMEOUT_S = 600.0
WATCH_TIMEOUT_S = 60.0
WATCH_PATIENCE_S = 90.0
"""How long `watch` tries to reach a coordinator that has gone away, in seconds."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job, and whether this call made it (else its idempotency key was known)."""

    job_id: str
    created: bool


class JobCalls(Connection):
    """What a client asks of Jobs."""

    # -- jobs -----------------------------------------------------------------------------
    def submit(self, spec: JobSpec, say: Callable[[str], None] = lambda _: None) -> Submitted:
        """Submit a job whose files are uploaded; without an idempotency key it gets its own.

        Args:
            spec: what to measure; its first entry is the baseline itself.
            say: told what the coordinator does or waits for, whenever that changes.

        Raises:
            BitgaugeError: `BLOB_MISSING` names a file that was not uploaded; `NO_MATCHING_DEVICE`
                says of each device why it cannot run the job; `QUEUE_QUOTA`, `DISK_FULL`;
                `BAD_ARGUMENT` and others for a specification or a model that cannot be measured.
        """
        if not spec.idempotency_key:
            spec = replace(spec, idempotency_key=str(uuid.uuid4()))
        request = pb.OfferRequest(spec=to_wire(spec))
        for pause_s in (*_RESTART_PAUSES_S, None):
            try:
                return self._offered(request, say)
            except BitgaugeError as error:  # gRPC repeats no call that was answered in part
                if pause_s is None or error.code not in (Code.UNREACHABLE, Code.TOO_MANY_CALLS):
                    raise
                time.sleep(pause_s)
        raise AssertionError("unreachable")

    def _offered(self, request: pb.OfferRequest, say: Callable[[str], None]) -> Submitted:
        answer = pb.OfferResponse()
        try:
            for answer in self._stream(request, SUBMIT_TIMEOUT_S):
                if answer.waiting_for:
                    say(answer.waiting_for)
        except grpc.RpcError as error:
            raise self._translated(error) from error
        return Submitted(answer.submitted.job_id, answer.submitted.created)

    def certify(
        self,
        device: str,
        runtime: str = "",
        profile: Profile = Profile.QUICK,
        comparisons: int = 0,
    ) -> Submitted:
        """Have a device compare an artifact with itself.

        Args:
            device: which device, by name or id.
            runtime: which of its runtimes; empty: the default one.
            profile: how each comparison is measured.
            comparisons: 0: as many as a certificate takes.

        Returns:
            The job, and whether this call made it (else one was under way).

        Raises:
            BitgaugeError: `UNKNOWN_DEVICE`; `NOT_CERTIFIABLE` with the reason.
        """
        request = pb.CertifyRequest(
            device=device,
            runtime=runtime,
            profile=f"PROFILE_{profile.name}",
            comparisons=comparisons,
        )
        answer = self._call(request)
        return Submitted(answer.job_id, answer.created)

    def job(self, job_id: str) -> JobView:
        """One job as it is now.

        Raises:
            NotFound: `UNKNOWN_JOB`.
        """
        return self._value(JobView, pb.GetJobRequest(job_id=job_id))

    def jobs(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        """At most `limit` jobs, newest first; with `active_only` those that have not ended."""
        return self._values(JobView, pb.ListJobsRequest(limit=limit, active_only=active_only))

    def cancel(self, job_id: str) -> JobView:
        """Cancel a job that has not ended; what it measured so far is kept.

        Raises:
            BitgaugeError: `UNKNOWN_JOB`, `JOB_ENDED`; `FORBIDDEN` for somebody else's job.
        """
        return self._value(JobView, pb.CancelRequest(job_id=job_id))

    def watch(
        self,
        job_id: str,
        *,
        patience_s: float = WATCH_PATIENCE_S,
        stream_s: float = WATCH_TIMEOUT_S,
        check: Callable[[], None] = lambda: None,
    ) -> Iterator[JobView]:
        """The job at once and after each change, until it has ended.

        A coordinator that restarts is waited for: the stream is taken up again.

        Args:
            job_id: which job.
            patience_s: seconds without any answer after which `UNREACHABLE` is raised.
            stream_s: seconds after which a stream is opened anew, which nobody notices.
            check: called whenever a stream ends early; may raise to give up.

        Raises:
            BitgaugeError: `UNKNOWN_JOB`, `UNREACHABLE`.
        """
        request = pb.WatchRequest(job_id=job_id)
        heard = time.monotonic()
        lost: float | None = None
        last: JobView | None = None
        while True:
            try:
                for response in self._stream(request, stream_s):
                    heard, lost = time.monotonic(), None
                    view = from_wire(JobView, response.job, None)
                    if view != last:
                        last = view
                        yield view
                return
            except grpc.RpcError as error:
                status = status_of(error)
                renewed = status is grpc.StatusCode.DEADLINE_EXCEEDED
                away = status is grpc.StatusCode.UNAVAILABLE
                now = time.monotonic()
                lost = (lost or now) if away else None
                # A quiet job says nothing while a stream lasts; a lost coordinator shows at once.
                silent = now - heard > patience_s + stream_s
                gone = lost is not None and now - lost > patience_s
                if silent or gone or not (renewed or away):
                    raise self._translated(error) from error
            check()
            if away:
                time.sleep(min(1.0, patience_s / 10))

    # -- runs -----------------------------------------------------------------------------
    def run(self, run_id: str) -> RunView:
        """One run with its metrics; null ones carry the reason.

        Raises:
            NotFound: `UNKNOWN_RUN`.
        """
        return self._value(RunView, pb.GetRunRequest(run_id=run_id))

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job, in order of arrival; `accepted` ones count.

        Raises:
            NotFound: `UNKNOWN_JOB`.
        """
        return self._values(RunView, pb.ListRunsRequest(job_id=job_id))

    def reanalyse(self, run_id: str) -> Reanalysis:
        """Compute a run's published numbers again from its raw data; nothing is stored.

        Raises:
            BitgaugeError: `UNKNOWN_RUN`; `ILLEGAL_TRANSITION` for one without published numbers.
        """
        request = pb.ReanalyseRequest(run_id=run_id)
        answer = self._call(request, REANALYSE_TIMEOUT_S)
        return Reanalysis(
            published=tuple(from_wire(MetricValue, metric) for metric in answer.published),
            recomputed=tuple(from_wire(MetricValue, metric) for metric in answer.recomputed),
            identical=answer.identical,
        )

    # -- devices --------------------------------------------------------------------------
    def devices(self) -> tuple[DeviceView, ...]:
        """Every device that ever registered, by name."""
        return self._values(DeviceView, pb.ListDevicesRequest())
