"""The Ray tasks, and the runner that sends them.

A task gets digests and returns digests or values; the bytes go through the Blobs service with a
token of the role `task`. What a task has to say against its input is a `BitgaugeError`, returned
as a value, so that Ray adds no traceback of its own.
"""

from __future__ import annotations

import functools
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import ray
import ray.exceptions
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.common.join_line import is_loopback
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Internal, Unavailable
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..builders import registry
from ..builders.base import BuildRequest, Unsupported
from ..client.client import Client
from ..client.endpoint import Endpoint
from ..decisions.submission import REFERENCE_RECIPE, Inspection, Takes
from ..lab.runner import Analysis
from ..store.values import BuildKey, BuildOutcome
from . import reference
from .replicas import REPLICA_VARIABLE, Replica

# A task that shares a machine with an agent must give way to the measurement.
NICENESS = 19

T = TypeVar("T")
_log = logging.getLogger(__name__)


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
    own = os.environ.get(REPLICA_VARIABLE)
    folder = Path(own or Path(tempfile.gettempdir()) / f"bitgauge-replica-{os.getuid()}")
    client = TaskClient(access)
    with client:
        yield client, Replica(folder, client, access.replica_bytes)


def _answer(work: Callable[..., T]) -> Callable[..., T | BitgaugeError]:
    """`work` with its `BitgaugeError` as a value."""

    @functools.wraps(work)
    def answering(*arguments: Any) -> T | BitgaugeError:
        try:
            return work(*arguments)
        except BitgaugeError as error:
            return error

    return answering


def inspect(access: BlobAccess, spec: JobSpec, takes: Takes) -> Inspection:
    """Look into every file of a job."""
    from .inspect_job import inspect_job

    with _node(access) as (_, replica):
        return inspect_job(spec, replica.path, takes)


def build(access: BlobAccess, key: BuildKey) -> BuildOutcome:
    """Build one artifact, or evaluate one reference, and upload it."""
    from ..client.upload import local_file, upload

    with _node(access) as (client, replica), tempfile.TemporaryDirectory() as work:
        output = Path(work) / "artifact"
        try:
            _make(key, replica, output)
        except Unsupported as error:
            return BuildOutcome(None, error.reason)
        artifact = local_file(output)
        upload(client, (artifact,))
        return BuildOutcome(artifact.digest)


def _make(key: BuildKey, replica: Replica, output: Path) -> None:
    baseline = replica.path(key.model)
    other = replica.path(key.calibration) if key.calibration else None
    if key.recipe == REFERENCE_RECIPE:
        assert other is not None, "a reference is evaluated on a set"
        reference.evaluate(baseline, other, output)
    else:
        recipe = parse(key.recipe)
        registry.build(BuildRequest(recipe, baseline, output, other), _named(key.artifact_kind))


def _named(artifact_kind: str) -> tuple[str, ...]:
    """The one kind that will do; any where none was named."""
    return (artifact_kind,) if artifact_kind else ()


def analyse(
    access: BlobAccess, refs: tuple[RawRef, ...], facts: RunFacts, expected: Digest | None
) -> Analysis:
    """Compute the published numbers of one run."""
    from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION
    from bitgauge.benchmarks.analysis.analyse import analyse as compute
    from bitgauge.benchmarks.raw.container import read_raw

    with _node(access) as (_, replica):
        raws = [in_role(read_raw(replica.path(ref.digest)), ref) for ref in refs]
        metrics = compute(raws, facts)
        if expected is not None:
            metrics = reference.flagged(metrics, raws, replica.path(expected))
        return Analysis(ANALYSIS_VERSION, metrics)


class RayRunner:
    """Sends the tasks to Ray; a `TaskRunner`."""

    def __init__(self, access: BlobAccess) -> None:
        self._access = access
        options: dict[str, Any] = {"num_cpus": 1, "max_retries": 1}
        if access.is_loopback:
            node = ray.get_runtime_context().get_node_id()
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=False)
        self._inspect, self._build, self._analyse = (
            ray.remote(_answer(work)).options(**options) for work in (inspect, build, analyse)
        )

    def toolchain(self, recipe: str, artifact_kind: str) -> str:
        """Versions of everything that shapes an artifact of `recipe`."""
        if recipe == REFERENCE_RECIPE:
            return reference.toolchain()
        return registry.toolchain(parse(recipe), _named(artifact_kind))

    async def inspect(self, spec: JobSpec, takes: Takes) -> Inspection:
        """Look into a job's files on some node."""
        return await self._run(Inspection, self._inspect, spec, takes)

    async def build(self, key: BuildKey) -> BuildOutcome:
        """Build an artifact on some node."""
        return await self._run(BuildOutcome, self._build, key)

    async def analyse(
        self, refs: tuple[RawRef, ...], facts: RunFacts, reference: Digest | None
    ) -> Analysis:
        """Analyse a run on some node."""
        return await self._run(Analysis, self._analyse, refs, facts, reference)

    async def _run(self, kind: type[T], task: Any, *arguments: object) -> T:
        """What the task answered.

        Raises:
            BitgaugeError: the task said so; `TASK_LOST` when its process ended under it.
        """
        try:
            answer: object = await task.remote(self._access, *arguments)
        except ray.exceptions.RayTaskError as error:
            _log.error("a task failed: %s", error)
            raise Internal(
                Code.INTERNAL, "A background task met an unexpected error; the log has it."
            ) from None
        except ray.exceptions.RayError as error:
            _log.error("a task was lost: %s", error)
            raise Unavailable(
                Code.TASK_LOST, "The process of a background task ended before it was done."
            ) from None
        if isinstance(answer, BitgaugeError):
            raise answer
        assert isinstance(answer, kind)
        return answer


def in_role(raw: RawFile, ref: RawRef) -> RawFile:
    """`raw` in the role that its run gives it.

    A launch of the baseline is a candidate's launch in the run of entry 0, which made it, and
    the baseline's in every other run of the job that compares with it. The file says the
    former; the analysis checks by digest that it speaks of the right artifact.
    """
    return replace(raw, meta={**raw.meta, "role": ref.role.value, "launch": ref.launch})
