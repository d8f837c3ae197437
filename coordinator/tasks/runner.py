"""Sends the steps to Ray, and says in a sentence how one ended that gave no answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import ray
import ray.exceptions
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..builders import registry
from ..decisions.steps import (
    ANALYSING,
    INSPECTING,
    End,
    Ending,
    StepKind,
    StepLimits,
    doing_build,
    error_of,
)
from ..decisions.submission import REFERENCE_RECIPE, Inspection, Takes, is_order
from ..lab.runner import Analysis
from ..store.values import BuildKey, BuildOutcome
from . import order as ordering
from . import reference
from .nursery.nursery import Nursery
from .nursery.order import Order
from .work import BlobAccess, analyse, build, inspect, named

CANCEL_S = 40.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


def _step(order: Order) -> Any:
    """One step in a child of this Ray worker; it has one nursery for all its life."""
    return _nursery.raised(order)


_nursery = Nursery()


class RayRunner:
    """Sends the steps to Ray; a `TaskRunner`.

    How many run at a time is decided by whoever calls, so a task takes no processor of Ray's. Ray
    starts none again: whether to try once more depends on how it ended.
    """

    def __init__(self, access: BlobAccess, limits: StepLimits) -> None:
        self._access = access
        self._limits = limits
        options: dict[str, Any] = {"num_cpus": 0, "max_retries": 0}
        if access.is_loopback:
            node = ray.get_runtime_context().get_node_id()
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=False)
        self._task = ray.remote(_step).options(**options)

    def toolchain(self, recipe: str, artifact_kind: str) -> str:
        """Versions of everything that shapes an artifact of `recipe`."""
        if recipe == REFERENCE_RECIPE:
            return reference.toolchain()
        if is_order(recipe):
            return ordering.toolchain()
        return registry.toolchain(parse(recipe), named(artifact_kind))

    async def inspect(self, spec: JobSpec, takes: Takes) -> Inspection:
        """Look into a job's files on some node."""
        step = (StepKind.INSPECT, INSPECTING)
        return await self._run(Inspection, step, inspect, spec, takes)

    async def build(self, key: BuildKey) -> BuildOutcome:
        """Build an artifact on some node."""
        return await self._run(BuildOutcome, doing_build(key.recipe), build, key)

    async def analyse(
        self, refs: tuple[RawRef, ...], facts: RunFacts, reference: Digest | None
    ) -> Analysis:
        """Analyse a run on some node."""
        step = (StepKind.ANALYSE, ANALYSING)
        return await self._run(Analysis, step, analyse, refs, facts, reference)

    async def _run(
        self, kind: type[T], step: tuple[StepKind, str], work: Callable[..., T], *arguments: object
    ) -> T:
        """What the step answered; when this is cancelled, it has ended before that goes on.

        Raises:
            BitgaugeError: the step said so, or ended without an answer.
        """
        what, doing = step
        order = Order(work, (self._access, *arguments), self._limits.of(what))
        task = self._task.remote(order)
        try:
            answer: object = await task
        except asyncio.CancelledError:
            await asyncio.shield(_cancelled(task))
            raise
        except ray.exceptions.RayError as error:
            _log.error("%s: its task was lost: %s", doing, error)
            answer = Ending(End.LOST)
        if isinstance(answer, Ending):
            if answer.trace:
                _log.error("%s failed:\n%s", doing, answer.trace)
            raise error_of(answer, doing)
        if isinstance(answer, BitgaugeError):
            raise answer
        assert isinstance(answer, kind)
        return answer


async def _cancelled(task: Any) -> None:
    """Cancel a task and wait for its end."""
    ended = asyncio.wrap_future(task.future())
    for force in (False, True):
        ray.cancel(task, force=force)
        await asyncio.wait({ended}, timeout=CANCEL_S)
        if ended.done():
            ended.exception()
            return
    _log.error("a task could not be cancelled")
