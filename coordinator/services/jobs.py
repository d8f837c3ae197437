"""The Jobs service: unpack, call, pack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire, word_from_wire
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from ..access.access import caller
from ..lab.analyses import Analyses
from ..lab.care import LabCare
from ..lab.jobs import Jobs
from ..store.writer import Writer

DEFAULT_LIMIT = 50


@dataclass(eq=False)
class JobsService(lab_pb2_grpc.JobsServicer):
    """Jobs, their runs, and the devices that run them."""

    jobs: Jobs
    care: LabCare
    analyses: Analyses
    writer: Writer

    async def Submit(  # noqa: N802, D102
        self, request: lab_pb2.SubmitRequest, context: Any
    ) -> lab_pb2.SubmitResponse:
        spec = from_wire(JobSpec, request.spec)
        job_id, created = await self.jobs.submit(spec, caller().name)
        return lab_pb2.SubmitResponse(job_id=job_id, created=created)

    async def Certify(  # noqa: N802, D102
        self, request: lab_pb2.CertifyRequest, context: Any
    ) -> lab_pb2.CertifyResponse:
        profile = word_from_wire(Profile, request.profile) if request.profile else Profile.QUICK
        job_id, created = await self.care.certify(
            request.device,
            request.runtime or DEFAULT_RUNTIME,
            profile,
            request.comparisons,
            caller().name,
        )
        return lab_pb2.CertifyResponse(job_id=job_id, created=created)

    async def Watch(  # noqa: N802, D102
        self, request: lab_pb2.WatchRequest, context: Any
    ) -> AsyncIterator[lab_pb2.WatchResponse]:
        async for job in self.jobs.watch(request.job_id):
            yield lab_pb2.WatchResponse(job=to_wire(job))

    async def Cancel(  # noqa: N802, D102
        self, request: lab_pb2.CancelRequest, context: Any
    ) -> lab_pb2.CancelResponse:
        job = await self.jobs.cancel(request.job_id, caller().own_jobs_of)
        return lab_pb2.CancelResponse(job=to_wire(job))

    async def GetJob(  # noqa: N802, D102
        self, request: lab_pb2.GetJobRequest, context: Any
    ) -> lab_pb2.GetJobResponse:
        return lab_pb2.GetJobResponse(job=to_wire(await self.jobs.view(request.job_id)))

    async def ListJobs(  # noqa: N802, D102
        self, request: lab_pb2.ListJobsRequest, context: Any
    ) -> lab_pb2.ListJobsResponse:
        jobs = await self.jobs.views(request.limit or DEFAULT_LIMIT, request.active_only)
        return lab_pb2.ListJobsResponse(jobs=map(to_wire, jobs))

    async def GetRun(  # noqa: N802, D102
        self, request: lab_pb2.GetRunRequest, context: Any
    ) -> lab_pb2.GetRunResponse:
        run = await self.writer.call(lambda store: store.run(request.run_id))
        return lab_pb2.GetRunResponse(run=to_wire(run))

    async def ListRuns(  # noqa: N802, D102
        self, request: lab_pb2.ListRunsRequest, context: Any
    ) -> lab_pb2.ListRunsResponse:
        runs = await self.writer.call(lambda store: store.runs(request.job_id))
        return lab_pb2.ListRunsResponse(runs=map(to_wire, runs))

    async def Reanalyse(  # noqa: N802, D102
        self, request: lab_pb2.ReanalyseRequest, context: Any
    ) -> lab_pb2.ReanalyseResponse:
        reanalysis = await self.analyses.again(request.run_id)
        return lab_pb2.ReanalyseResponse(
            published=map(to_wire, reanalysis.published),
            recomputed=map(to_wire, reanalysis.recomputed),
            identical=reanalysis.identical,
        )

    async def ListDevices(  # noqa: N802, D102
        self, request: lab_pb2.ListDevicesRequest, context: Any
    ) -> lab_pb2.ListDevicesResponse:
        found = await self.writer.call(self.care.devices)
        return lab_pb2.ListDevicesResponse(devices=map(to_wire, found))
