"""What Ray tasks have made: looked up, or made once and remembered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bitgauge.benchmarks.common.again import Again
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..decisions.submission import REFERENCE_RECIPE
from ..store.values import BuildKey, BuildOutcome
from ..store.writer import Writer
from .runner import TaskRunner

ATTEMPTS = 3
PAUSE_S = 1.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Builds:
    """Artifacts and references by what they depend on; equal ones share one task."""

    writer: Writer
    runner: TaskRunner
    _making: dict[BuildKey, asyncio.Task[BuildOutcome]] = field(default_factory=dict, init=False)

    async def outcome(self, asked: BuildKey) -> BuildOutcome:
        """What became of a recipe for a model.

        Args:
            asked: what is to be made, of whatever toolchain there is now. The recipe is canonical,
                or `REFERENCE_RECIPE` or one of `ORDER_RECIPE`, with the evaluation set in place of
                the calibration set.

        Raises:
            BitgaugeError: it could not be made, and may be another time.
        """
        toolchain = self.runner.toolchain(asked.recipe, asked.artifact_kind)
        key = replace(asked, toolchain=toolchain)
        task = self._making.get(key)
        if task is None:
            # For another batch it may come to the same, which is known once that is done.
            same = [
                one for made, one in self._making.items() if replace(made, batch=key.batch) == key
            ]
            task = self._making[key] = asyncio.create_task(self._known_or_made(key, same))
            task.add_done_callback(lambda _task: self._making.pop(key))
        return await asyncio.shield(task)

    async def reference_of(self, baseline: Digest, evaluation: Digest) -> Digest | None:
        """The reference predictions, or None where there can be none; never a reason to fail."""
        try:
            key = BuildKey(baseline, REFERENCE_RECIPE, evaluation, toolchain="")
            return (await self.outcome(key)).artifact
        except BitgaugeError as error:
            _log.warning("no reference for %s: %s", baseline, error)
            return None

    def cancel(self) -> None:
        """Give up what is being made."""
        for task in tuple(self._making.values()):
            task.cancel()

    async def _known_or_made(
        self, key: BuildKey, first: Sequence[asyncio.Task[BuildOutcome]]
    ) -> BuildOutcome:
        if first:
            await asyncio.wait(first)
        known = await self.writer.call(lambda store: store.cached_build(key))
        if known is not None:
            return known
        outcome = await patiently(lambda: self.runner.build(key))
        now_ns = self.writer.now_ns()
        await self.writer.call(lambda store: store.cache_build(key, outcome, now_ns))
        return outcome


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try a few times while the answer is "try again"."""

    def say(error: BaseException) -> None:
        _log.warning("a task could not run: %s", error)

    return await Again(PAUSE_S, attempts=ATTEMPTS, say=say).call(attempt)
