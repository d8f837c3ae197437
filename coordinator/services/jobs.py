"""The Jobs service: unpack, call, pack."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire, word_from_wire
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..access.access import caller
from ..lab.analyses import Analyses
from ..lab.care import LabCare
from ..lab.jobs import Jobs
from ..store.store import Store
from ..store.writer import Writer
from .answers import LISTED, answered, listed


@dataclass(eq=False)
class JobsService(lab_pb2_grpc.JobsServicer):
    """Jobs, their runs, and the devices that run them."""

    jobs: Jobs
    care: LabCare
    analyses: Analyses
    writer: Writer

    async def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.SubmitResponse:
        spec = from_wire(JobSpec, request.spec)
        job_id, created = await self.jobs.submit(spec, caller().name)
        return pb.SubmitResponse(job_id=job_id, created=created)

    async def Offer(
        self, request: pb.OfferRequest, context: Any
    ) -> AsyncIterator[pb.OfferResponse]:
        spec = from_wire(JobSpec, request.spec)
        async with contextlib.aclosing(self.jobs.submitting(spec, caller().name)) as said:
            async for one in said:
                if isinstance(one, str):
                    yield pb.OfferResponse(waiting_for=one)
                else:
                    submitted = pb.SubmitResponse(job_id=one[0], created=one[1])
                    yield pb.OfferResponse(submitted=submitted)

    async def Certify(self, request: pb.CertifyRequest, context: Any) -> pb.CertifyResponse:
        profile = word_from_wire(Profile, request.profile) if request.profile else Profile.QUICK
        job_id, created = await self.care.certify(
            request.device,
            request.runtime or DEFAULT_RUNTIME,
            profile,
            request.comparisons,
            caller().name,
        )
        return pb.CertifyResponse(job_id=job_id, created=created)

    async def Watch(
        self, request: pb.WatchRequest, context: Any
    ) -> AsyncIterator[pb.WatchResponse]:
        watched = self.jobs.watch(request.job_id, caller().name)
        async with contextlib.aclosing(watched) as views:
            async for job in views:
                yield pb.WatchResponse(job=to_wire(job))

    async def Cancel(self, request: pb.CancelRequest, context: Any) -> pb.CancelResponse:
        job = await self.jobs.cancel(request.job_id, caller().asker)
        return pb.CancelResponse(job=to_wire(job))

    async def GetJob(self, request: pb.GetJobRequest, context: Any) -> pb.GetJobResponse:
        job = await self.jobs.view(request.job_id, caller().name)
        return pb.GetJobResponse(job=to_wire(job))

    async def ListJobs(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:
        limit, active_only = request.limit or LISTED, request.active_only

        def answer(store: Store) -> pb.ListJobsResponse:
            return listed(pb.ListJobsResponse(), self.jobs.listed(store, limit, active_only))

        return await answered(self.writer, answer)

    async def GetRun(self, request: pb.GetRunRequest, context: Any) -> pb.GetRunResponse:
        return await answered(
            self.writer, lambda store: pb.GetRunResponse(run=to_wire(store.run(request.run_id)))
        )

    async def ListRuns(self, request: pb.ListRunsRequest, context: Any) -> pb.ListRunsResponse:
        return await answered(
            self.writer, lambda store: listed(pb.ListRunsResponse(), store.runs(request.job_id))
        )

    async def Reanalyse(self, request: pb.ReanalyseRequest, context: Any) -> pb.ReanalyseResponse:
        reanalysis = await self.analyses.again(request.run_id, caller().name)
        return pb.ReanalyseResponse(
            published=map(to_wire, reanalysis.published),
            recomputed=map(to_wire, reanalysis.recomputed),
            identical=reanalysis.identical,
        )

    async def ListDevices(
        self, request: pb.ListDevicesRequest, context: Any
    ) -> pb.ListDevicesResponse:
        return await answered(
            self.writer, lambda store: listed(pb.ListDevicesResponse(), self.care.devices(store))
        )
