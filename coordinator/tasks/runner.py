"""Sends the steps to Ray, and says in a sentence how one ended that gave no answer."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import ray
import ray.exceptions
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.sandbox.base import AUTO
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.printable import printable_lines
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
    StepLimit,
    StepLimits,
    doing_build,
    doing_environment,
    error_of,
    limit_met,
)
from ..decisions.submission import (
    ANSWERS_RECIPE,
    REFERENCE_RECIPE,
    Answers,
    Inspection,
    Takes,
    is_order,
)
from ..environments.making import MakingTerms
from ..environments.room import MAX_ENVIRONMENTS_BYTES
from ..lab.runner import Analysis
from ..models.chains import Chain
from ..store.values import BuildKey, BuildOutcome
from . import agreement, reference, steps
from . import order as ordering
from .steps import named
from .work import BlobAccess, Node, StepTerms

CANCEL_S = 40.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


_NODES: dict[StepTerms, Node] = {}
"""Of this Ray worker: its one node, for the terms of the coordinator that it works for."""


def _step(
    terms: StepTerms, what: str, access: BlobAccess, limit: StepLimit, arguments: tuple[object, ...]
) -> Any:
    """One step on this Ray worker: its answer, a `BitgaugeError`, or an `Ending`."""
    try:
        node = _NODES.get(terms) or _NODES.setdefault(terms, Node(terms))
        return getattr(node, what)(access, limit, *arguments)
    except BitgaugeError as error:
        return error
    except Exception as error:
        end = limit_met(error) or End.DEFECT
        return Ending(end, trace=traceback.format_exc())


class RayRunner:
    """Sends the steps to Ray; a `TaskRunner`.

    How many run at a time is decided by whoever calls, so a task takes no processor of Ray's. Ray
    starts none again: whether to try once more depends on how it ended.
    """

    def __init__(
        self,
        access: BlobAccess,
        limits: StepLimits,
        sandbox: str = AUTO,
        home: Path | None = None,
        *,
        environments_bytes: int = MAX_ENVIRONMENTS_BYTES,
    ) -> None:
        """Args: `sandbox` is the level that confines steps; none of them may see `home`."""
        self._access = access
        self._limits = limits
        state = home if access.is_loopback else None
        hidden = (state,) if state is not None else ()
        making = MakingTerms(limits.environment, environments_bytes)
        self._terms = StepTerms(sandbox, hidden, state, making)
        options: dict[str, Any] = {"num_cpus": 0, "max_retries": 0}
        if access.is_loopback:
            node = ray.get_runtime_context().get_node_id()
            options["scheduling_strategy"] = _on(node, soft=False)
        self._options = options
        self._task = ray.remote(_step)
        self._ready: dict[str, str] = {}
        """The node on which an environment was made last."""

    def toolchain(self, key: BuildKey) -> str:
        """Versions of everything that shapes what is to be made."""
        if key.recipe == REFERENCE_RECIPE:
            return reference.toolchain()
        if is_order(key.recipe):
            return ordering.toolchain()
        if key.recipe == ANSWERS_RECIPE:
            return agreement.toolchain(key.source_kind)
        return registry.toolchain(parse(key.recipe), named(key.artifact_kind), key.source_kind)

    def chain(self, recipe: str, artifact_kind: str, there: Sequence[str]) -> Chain:
        """How an artifact of `recipe` is made of sources of these kinds."""
        return registry.chain_for(parse(recipe), named(artifact_kind), there)

    def environment(self, key: BuildKey) -> str:
        """The builder environment in which an artifact is built; empty when it needs none."""
        return steps.environment_of(key)

    async def make_ready(self, environment: str) -> None:
        """Make an environment on some node, unless it is there; builds go to that node then."""
        step = doing_environment(environment)
        self._ready[environment] = await self._run(str, step, "make_ready", environment)

    async def inspect(self, spec: JobSpec, takes: Takes, answers: Answers) -> Inspection:
        """Look into a job's files on some node."""
        step = (StepKind.INSPECT, INSPECTING)
        return await self._run(Inspection, step, "inspect", spec, takes, dict(answers))

    async def build(self, key: BuildKey) -> BuildOutcome:
        """Build an artifact on some node."""
        node = self._ready.get(self.environment(key))
        return await self._run(BuildOutcome, doing_build(key.recipe), "build", key, node=node)

    async def analyse(
        self, refs: tuple[RawRef, ...], facts: RunFacts, reference: Digest | None
    ) -> Analysis:
        """Analyse a run on some node."""
        step = (StepKind.ANALYSE, ANALYSING)
        return await self._run(Analysis, step, "analyse", refs, facts, reference)

    async def _run(
        self,
        kind: type[T],
        step: tuple[StepKind, str],
        work: str,
        *arguments: object,
        node: str | None = None,
    ) -> T:
        """What the step answered; when this is cancelled, it has ended before that goes on.

        It runs on `node` when that is named and still there.

        Raises:
            BitgaugeError: the step said so, or ended without an answer.
        """
        what, doing = step
        limit = self._limits.of(what)
        place = {} if node is None else {"scheduling_strategy": _on(node)}
        task = self._task.options(**{**self._options, **place}).remote(
            self._terms, work, self._access, limit, arguments
        )
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
                _log.error("%s failed:\n%s", doing, _indented(answer.trace))
            raise error_of(answer, doing)
        if isinstance(answer, BitgaugeError):
            raise answer
        assert isinstance(answer, kind)
        return answer


def _on(node: str, *, soft: bool = True) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node, soft=soft)


def _indented(text: str) -> str:
    """What a step printed, so that no line of it looks like one of the log."""
    return "\n".join(f"    | {line}" for line in printable_lines(text).splitlines())


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
