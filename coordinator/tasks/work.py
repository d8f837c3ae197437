"""The work of a task: fetch what a step needs, have it done, keep what it made.

It gets digests and returns digests or values; the bytes go through the Blobs service with a token
of the role `task`. It opens nothing of what it fetches: that is what the step is for, in a child
that can reach nothing but what it is given here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import ray
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.common.join_line import is_loopback
from bitgauge.benchmarks.raw.files import require_small
from bitgauge.benchmarks.sandbox.base import AUTO
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from ..client.artifacts import artifact_of
from ..client.client import Client
from ..client.endpoint import Endpoint
from ..client.upload import upload
from ..decisions.steps import End, Ending, StepLimit
from ..decisions.submission import Answers, Inspection, Takes
from ..environments import making
from ..environments.definition import definition
from ..environments.making import MakingTerms
from ..environments.shelf import Ready, Shelf, shelf_folder
from ..lab.runner import Analysis
from ..store.values import BuildKey, BuildOutcome
from . import steps
from .nursery.nursery import Nursery
from .nursery.order import Order, Site
from .nursery.said import NotTaken, files_in
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


@dataclass(frozen=True, slots=True)
class StepTerms:
    """How steps are confined, whatever they do.

    Attributes:
        sandbox: the level, or `AUTO`.
        hidden: folders that none may see: the coordinator's state.
        state: the state folder whose environments builders work in; None: that of the node.
        environments: what those may take.
    """

    sandbox: str = AUTO
    hidden: tuple[Path, ...] = ()
    state: Path | None = None
    environments: MakingTerms = field(default_factory=MakingTerms)


class TaskClient(Client):
    """A client whose token lives in memory alone."""

    def __init__(self, access: BlobAccess) -> None:
        super().__init__(Endpoint(access.address, None, Path(os.devnull)))
        self._metadata = (("authorization", f"Bearer {access.token}"),)


class Node:
    """What a Ray worker has for its tasks, for all its life: a nursery, and a way to blobs."""

    def __init__(self, terms: StepTerms) -> None:
        os.nice(NICENESS - os.nice(0))
        place = Site(replica_folder().parent, terms.sandbox, terms.hidden)
        self.nursery = Nursery(place)
        self._shelf = Shelf(shelf_folder(terms.state))
        self._terms = terms.environments

    @contextmanager
    def blobs(self, access: BlobAccess) -> Iterator[tuple[Client, Replica]]:
        """The connection, and the copies of this machine."""
        with TaskClient(access) as client:
            yield client, Replica(replica_folder(), client, access.replica_bytes)

    def inspect(
        self,
        access: BlobAccess,
        limit: StepLimit,
        spec: JobSpec,
        takes: Takes,
        answers: Answers = MappingProxyType({}),
    ) -> Any:
        """Look into every file of a job: an `Inspection`."""
        models = {spec.baseline, *(entry.artifact for entry in spec.entries)} - {None}
        models |= {source.artifact for source in spec.sources}
        sets = {spec.evaluation, spec.calibration} - {None}
        sets |= {one for one in answers.values() if not isinstance(one, str)}
        with self.blobs(access) as (_, replica):
            paths = {one.sha256: replica.path(one) for one in sets if one}
            paths |= {one.sha256: replica.artifact(one) for one in models if one}
        inputs = (*map(_whole, paths.values()),)
        order = Order(steps.inspect, (spec, paths, takes, dict(answers)), limit, inputs)
        return self.nursery.raised(order, Inspection)

    def build(self, access: BlobAccess, limit: StepLimit, key: BuildKey) -> Any:
        """Build one artifact, or evaluate one reference, and upload it: a `BuildOutcome`."""
        with self._environment(key) as made, self.blobs(access) as (client, replica):
            baseline = replica.artifact(key.model)
            other = replica.path(key.calibration) if key.calibration else None
            inputs = (_whole(baseline), *([other] if other else []), *_readable(made))
            root = made.path if made else None
            order = Order(steps.build, (key, baseline, other, root), limit, inputs)
            with self.nursery.step(order, steps.Built) as (built, folder):
                if not isinstance(built, steps.Built):
                    return built
                try:
                    kept = _kept(client, built, folder, limit)
                except NotTaken as error:
                    return Ending(End.RESULT, why=str(error))
                return BuildOutcome(kept, built.unsupported, built.notes, built.batch)

    def make_ready(self, access: BlobAccess, limit: StepLimit, name: str) -> str:
        """Make an environment, unless it is there; the id of this node."""
        making.made(definition(name), self._shelf, self._terms)
        node: str = ray.get_runtime_context().get_node_id()
        return node

    @contextmanager
    def _environment(self, key: BuildKey) -> Iterator[Ready | None]:
        """The environment in which an artifact is built, made now if need be; None: in ours."""
        name = steps.environment_of(key)
        if not name:
            yield None
            return
        with making.in_environment(definition(name), self._shelf, self._terms) as made:
            yield made

    def analyse(
        self,
        access: BlobAccess,
        limit: StepLimit,
        refs: tuple[RawRef, ...],
        facts: RunFacts,
        expected: Digest | None,
    ) -> Any:
        """Compute the published numbers of one run: an `Analysis`."""
        for ref in refs:
            require_small(ref)
        with self.blobs(access) as (_, replica):
            raws = tuple(replica.path(ref.digest) for ref in refs)
            reference = replica.path(expected) if expected is not None else None
        inputs = (*raws, *([reference] if reference else []))
        order = Order(steps.analyse, (refs, raws, facts, reference), limit, inputs)
        return self.nursery.raised(order, Analysis)


def _readable(made: Ready | None) -> tuple[Path, ...]:
    """What a step may read of an environment; ours is readable to all of them."""
    if made is None:
        return ()
    base = Path(made.note.base)
    return (made.path, *(() if base == Path(sys.base_prefix) else (base,)))


def _whole(artifact: Path) -> Path:
    """A set, or the folder of an artifact: a model file reads what lies beside it."""
    return artifact.parent if artifact.parent != replica_folder() else artifact


def _kept(client: Client, built: steps.Built, folder: Path, limit: StepLimit) -> Digest | None:
    """Bring what a step made to the coordinator; None when it says that there is nothing.

    Raises:
        NotTaken: what it left is none of what it may.
    """
    if built.unsupported is not None:
        return None
    names = (steps.ARTIFACT, *built.companions)
    files = files_in(folder, names, limit.written_bytes)
    entry = files.pop(steps.ARTIFACT)
    artifact = artifact_of(entry, entry, files, built.kind)
    upload(client, artifact.files)
    return artifact.digest
