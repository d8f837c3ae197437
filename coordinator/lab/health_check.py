"""The health check: the smallest honest job, whose answer is known beforehand.

A device runs one committed FP32 model over its evaluation set, in the quality pass alone. It
takes some seconds and goes the way of every job: queue, lease, sandbox, spool, analysis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector

from ..client.upload import local_file
from ..decisions.scheduler import matches
from ..store.blobs.blob_store import BlobStore
from ..store.blobs.files import CHUNK_BYTES

NAME = "health-check"
DEADLINE_S = 600


async def _nothing() -> None:
    """Nothing has to be provided."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """What a device is asked to compute, and the known answer.

    Attributes:
        known_accuracy_pct: where it is computed right, in percent.
        provide: makes sure that both files are in the blob store.
    """

    baseline: Digest
    evaluation: Digest
    model_class: ModelClass
    known_accuracy_pct: float
    provide: Callable[[], Awaitable[None]] = _nothing

    @property
    def digests(self) -> tuple[Digest, ...]:
        """The files that it needs."""
        return (self.baseline, self.evaluation)

    def spec(self, device_id: str) -> JobSpec:
        """The job that checks this device."""
        return JobSpec(
            model_name=NAME,
            baseline=self.baseline,
            entries=(Entry("fp32", self.baseline, artifact_kind=zoo.ARTIFACT_KIND),),
            evaluation=self.evaluation,
            model_class=self.model_class,
            selector=Selector(device=device_id),
            deadline_s=DEADLINE_S,
            wait_for_device=True,
        )

    def hindrance(self, device: DeviceDescription) -> str | None:
        """Why this device cannot be checked; None when it can."""
        spec = self.spec(device.device_id)
        reasons = matches(spec, device)
        if reasons:
            return f"it {' and '.join(reasons)}"
        if any(one.simulated for one in device.runtimes if one.name == spec.runtime):
            return f"its {spec.runtime} is simulated"
        return None


def zoo_check(blobs: BlobStore, record: Callable[[Digest], Awaitable[None]]) -> HealthCheck:
    """The check with the quickest model of the zoo. Hashes its files; call it from a thread."""
    model = zoo.models()[0]
    files = {local_file(path).digest: path for path in (model.path, zoo.evaluation_path())}
    baseline, evaluation = files

    async def provide() -> None:
        for digest, path in files.items():
            await asyncio.to_thread(_ingest, blobs, digest, path)
            await record(digest)

    return HealthCheck(
        baseline=baseline,
        evaluation=evaluation,
        model_class=model.model_class,
        known_accuracy_pct=100 * zoo.known_accuracy(model.name),
        provide=provide,
    )


def _ingest(blobs: BlobStore, digest: Digest, path: Path) -> None:
    """Put a file into the blob store, unless it is there."""
    committed = blobs.committed(digest)
    if committed.complete:
        return
    offset = committed.size_bytes
    with open(path, "rb") as file:
        file.seek(offset)
        while chunk := file.read(CHUNK_BYTES):
            offset = blobs.append(digest, offset, chunk)
    blobs.finish(digest)
