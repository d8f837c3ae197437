"""Sends the tasks to Ray.

What a task has to say against its input is a `BitgaugeError`, returned as a value, so that Ray
adds no traceback of its own.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import ray
import ray.exceptions
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Internal, Unavailable
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..builders import registry
from ..decisions.submission import REFERENCE_RECIPE, Inspection, Takes
from ..lab.runner import Analysis
from ..store.values import BuildKey, BuildOutcome
from . import reference
from .work import BlobAccess, analyse, build, inspect, named

T = TypeVar("T")
_log = logging.getLogger(__name__)


def _answer(work: Callable[..., T]) -> Callable[..., T | BitgaugeError]:
    """`work` with its `BitgaugeError` as a value."""

    @functools.wraps(work)
    def answering(*arguments: Any) -> T | BitgaugeError:
        try:
            return work(*arguments)
        except BitgaugeError as error:
            return error

    return answering


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
        return registry.toolchain(parse(recipe), named(artifact_kind))

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
