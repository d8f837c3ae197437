"""The work of a task: look into a job, build, analyse.

It gets digests and returns digests or values; the bytes go through the Blobs service with a token
of the role `task`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.common.join_line import is_loopback
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from ..builders import registry
from ..builders.base import BuildLog, BuildRequest, Unsupported
from ..client.client import Client
from ..client.endpoint import Endpoint
from ..decisions.steps import wants_memory
from ..decisions.submission import REFERENCE_RECIPE, Inspection, Takes, is_order
from ..lab.runner import Analysis
from ..store.values import BuildKey, BuildOutcome
from . import order, reference
from .replicas import Replica, replica_folder

# A task that shares a machine with an agent must give way to the measurement.
NICENESS = 19


@dataclass(frozen=True, slots=True)
class BlobAccess:
    """How a task reaches blobs.

    Attributes:
        address: ``HOST:PORT`` of the coordinator.
        token: bearer token of the role `task`.
        replica_bytes: size cap of a node's replica.
    """

    address: str
    token: str
    replica_bytes: int

    @property
    def is_loopback(self) -> bool:
        """Whether only the coordinator's own machine can use it."""
        return is_loopback(self.address.rpartition(":")[0].strip("[]"))


class TaskClient(Client):
    """A client whose token lives in memory alone."""

    def __init__(self, access: BlobAccess) -> None:
        super().__init__(Endpoint(access.address, None, Path(os.devnull)))
        self._metadata = (("authorization", f"Bearer {access.token}"),)


@contextmanager
def _node(access: BlobAccess) -> Iterator[tuple[Client, Replica]]:
    """The connection and the replica of the node that runs the task."""
    os.nice(NICENESS - os.nice(0))
    client = TaskClient(access)
    with client:
        yield client, Replica(replica_folder(), client, access.replica_bytes)


def inspect(access: BlobAccess, spec: JobSpec, takes: Takes) -> Inspection:
    """Look into every file of a job."""
    from .inspect_job import inspect_job

    with _node(access) as (_, replica):
        models = {spec.baseline, *(entry.artifact for entry in spec.entries)}

        def path_of(digest: Digest) -> Path:
            return replica.artifact(digest) if digest in models else replica.path(digest)

        return inspect_job(spec, path_of, takes)


def build(access: BlobAccess, key: BuildKey) -> BuildOutcome:
    """Build one artifact, or evaluate one reference, and upload it."""
    from ..client.artifacts import local_artifact
    from ..client.upload import upload

    with _node(access) as (client, replica), tempfile.TemporaryDirectory() as work:
        output = Path(work) / "artifact"
        log = BuildLog()
        try:
            _make(key, replica, output, log)
        except Unsupported as error:
            if wants_memory(error):
                raise
            return BuildOutcome(None, error.reason, tuple(log.notes), log.batch)
        artifact = local_artifact(output)
        upload(client, artifact.files)
        return BuildOutcome(artifact.digest, None, tuple(log.notes), log.batch)


def _make(key: BuildKey, replica: Replica, output: Path, log: BuildLog) -> None:
    baseline = replica.artifact(key.model)
    other = replica.path(key.calibration) if key.calibration else None
    if is_order(key.recipe):
        assert other is not None, "both forms are run on a set"
        log.notes += order.put_in_order(baseline, other, order.wanted_by(key.recipe), output)
    elif key.recipe == REFERENCE_RECIPE:
        assert other is not None, "a reference is evaluated on a set"
        reference.evaluate(baseline, other, output, key.batch, log)
    else:
        recipe = parse(key.recipe)
        request = BuildRequest(recipe, baseline, output, other, max(key.batch, 1), log)
        log.notes += registry.build(request, named(key.artifact_kind))


def named(artifact_kind: str) -> tuple[str, ...]:
    """The one kind that will do; any where none was named."""
    return (artifact_kind,) if artifact_kind else ()


def analyse(
    access: BlobAccess, refs: tuple[RawRef, ...], facts: RunFacts, expected: Digest | None
) -> Analysis:
    """Compute the published numbers of one run."""
    from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION
    from bitgauge.benchmarks.analysis.analyse import analyse as compute
    from bitgauge.benchmarks.raw.container import RunReader
    from bitgauge.benchmarks.raw.files import in_role, require_small

    for ref in refs:
        require_small(ref)
    reader = RunReader()
    with _node(access) as (_, replica):
        raws = [in_role(reader.read(replica.path(ref.digest)), ref) for ref in refs]
        metrics = compute(raws, facts)
        if expected is not None:
            metrics = reference.flagged(metrics, raws, replica.path(expected))
        return Analysis(ANALYSIS_VERSION, metrics)
