"""The health check: the smallest honest job, whose answer is known beforehand.

A device runs one committed FP32 model over its evaluation set, in the quality pass alone. It
takes some seconds and goes the way of every job: queue, lease, sandbox, spool, analysis.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import ModelClass, Scenario
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector, Workload

from ..client.upload import local_file
from ..decisions.scheduler import matches
from ..models.formats import gguf
from ..models.formats.gguf.order import put_in_order
from ..store.blobs.blob_store import BlobStore
from ..store.blobs.files import CHUNK_BYTES
from .certification import CertifiedModel

NAME = "health-check"
DEADLINE_S = 600


REQUEST = Workload(Scenario.LLM, prompt_tokens=32, generated_tokens=16)
"""What a decoder is certified with: of the zoo's, about as long before its first token as after."""


async def _nothing(wanted: Collection[Digest]) -> None:
    """Nothing has to be provided."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """What a device is asked to compute, and the known answer.

    Attributes:
        known_accuracy_pct: where it is computed right, in percent.
        provide: makes sure that these files are in the blob store.
        others: what runtimes are certified with that do not take this model.
    """

    baseline: Digest
    evaluation: Digest
    model_class: ModelClass
    known_accuracy_pct: float
    provide: Callable[[Collection[Digest]], Awaitable[None]] = _nothing
    others: tuple[CertifiedModel, ...] = ()

    @property
    def digests(self) -> tuple[Digest, ...]:
        """The files that it needs."""
        return (self.baseline, self.evaluation)

    @property
    def subjects(self) -> tuple[CertifiedModel, ...]:
        """What runtimes are certified with, by what they take, this model first."""
        files = (self.baseline, self.evaluation)
        return (CertifiedModel(zoo.ARTIFACT_KIND, *files, self.model_class), *self.others)

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
    model, decoder = zoo.models()[0], zoo.decoder()
    baseline, evaluation = (local_file(path).digest for path in (model.path, zoo.evaluation_path()))
    files = {baseline: model.path, evaluation: zoo.evaluation_path()}
    others = []
    for kind in zoo.FORMS:
        form = local_file(model.form(kind)).digest
        files[form] = model.form(kind)
        others.append(CertifiedModel(kind, form, evaluation, model.model_class))
    texts = local_file(decoder.evaluation_path).digest
    files[texts] = decoder.evaluation_path
    with _widened(decoder.path) as path:
        wide = local_file(path).digest
    others.append(CertifiedModel(gguf.NAME, wide, texts, decoder.model_class, REQUEST))

    def put(digest: Digest) -> None:
        if digest == wide:
            with _widened(decoder.path) as path:
                _ingest(blobs, digest, path)
        else:
            _ingest(blobs, digest, files[digest])

    async def provide(wanted: Collection[Digest]) -> None:
        for digest in wanted:
            await asyncio.to_thread(put, digest)
            await record(digest)

    return HealthCheck(
        baseline=baseline,
        evaluation=evaluation,
        model_class=model.model_class,
        known_accuracy_pct=100 * zoo.known_accuracy(model.name),
        provide=provide,
        others=tuple(others),
    )


@contextmanager
def _widened(path: Path) -> Iterator[Path]:
    """The decoder in float32, which is the reference and twice as large as what is committed."""
    with tempfile.TemporaryDirectory(prefix="decoder-") as folder:
        wide = Path(folder) / path.name
        put_in_order(path, "the zoo's decoder", wide)
        yield wide


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
