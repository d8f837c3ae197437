"""What background steps have made: looked up, or made once and remembered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from bitgauge.benchmarks.common.again import Again
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..decisions.steps import StepLimits, doing_build
from ..decisions.submission import BASELINE_RECIPE, REFERENCE_RECIPE
from ..store.values import BuildKey, BuildOutcome, PendingBuild
from ..store.writer import Writer
from .environments import Environments
from .runner import TaskRunner
from .slots import Slots, Wish

ATTEMPTS = 2
PAUSE_S = 1.0
_STOPPED = (Code.STEP_LIMIT, Code.STEP_CRASHED)
"""How a build may end that would end so again."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Overdue(Exception):
    """The builds of a job have run for as long as its deadline allows."""


@dataclass(eq=False)
class _Making:
    """One build that is under way, for whoever wishes for it."""

    task: asyncio.Task[BuildOutcome]
    own: Wish
    wishes: set[Wish] = field(default_factory=set)


@dataclass(eq=False)
class _JobBuilds:
    """What one job waits for.

    Attributes:
        wishes: one for each artifact.
        spent_s: how long one of them, at least, has had a slot.
        over: done when the deadline has passed.
    """

    over: asyncio.Future[None]
    wishes: set[Wish] = field(default_factory=set)
    spent_s: float = 0.0


@dataclass(eq=False)
class Builds:
    """Artifacts and references by what they depend on; equal ones share one step.

    Attributes:
        writer: the store that remembers them.
        runner: makes them.
        slots: say when.
        limits: what each step may take; what met one is not begun again until that is raised.
    """

    writer: Writer
    runner: TaskRunner
    slots: Slots
    limits: StepLimits
    _making: dict[BuildKey, _Making] = field(default_factory=dict, init=False)
    _jobs: dict[str, _JobBuilds] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._environments = Environments(self.runner, self.slots)

    async def outcome(self, asked: BuildKey, wish: Wish | None = None) -> BuildOutcome:
        """What became of a recipe for a model.

        When this is cancelled, and nobody else wishes for the same, it is made no longer.

        Args:
            asked: what is to be made, of whatever toolchain there is now. The recipe is canonical,
                or `REFERENCE_RECIPE` or one of `ORDER_RECIPE`, with the evaluation set in place of
                the calibration set.
            wish: who asks, and sees how far it is.

        Raises:
            BitgaugeError: it could not be made, and may be another time.
            Overdue: the deadline of the wish's job has passed.
        """
        key = replace(asked, toolchain=self.runner.toolchain(asked))
        wish = wish or Wish()
        with self._of_job(wish) as over, self._wished(key, wish) as task:
            either: set[asyncio.Future[Any]] = {task, over}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Overdue
            return task.result()

    async def made(self, build: PendingBuild) -> BuildOutcome:
        """What became of an entry of a job, made of whichever source leads to it.

        What a source is converted to on the way is an artifact of its own, made once for all.

        Raises:
            BitgaugeError: as for `outcome`, and `BAD_RECIPE` when no source leads to it any more.
            Overdue: the deadline of the job has passed.
        """
        asked, found = build.key, dict(build.sources)
        way = self.runner.chain(asked.recipe, asked.artifact_kind, tuple(found))
        model, notes = found[way.source], tuple[str, ...]()
        if not way.links:
            return BuildOutcome(model)

        def wish() -> Wish:
            return Wish(build.submitted_by, build.job_id, build.deadline_s)

        with self._of_job(wish()):  # what the first link took counts for the next, too
            for link in way.links[:-1]:
                key = replace(conversion(asked), model=model, source_kind=link.takes)
                told = f"{asked.recipe} on {asked.runtime} needs a {link.makes} source; {link}"
                try:
                    outcome = await self.outcome(replace(key, artifact_kind=link.makes), wish())
                except BadInput as error:
                    raise BadInput(error.code, f"{told}: {error.sentence}") from error
                if outcome.artifact is None:
                    return BuildOutcome(None, f"{told}: {outcome.unsupported}")
                model, notes = outcome.artifact, (*notes, *outcome.notes)
            last = replace(asked, model=model, source_kind=way.links[-1].takes)
            outcome = await self.outcome(last, wish())
            return replace(outcome, notes=(*notes, *outcome.notes))

    def doing(self, job_id: str) -> str | None:
        """What the builds of a job wait for or do, in a few words; None when nothing is known."""
        job = self._jobs.get(job_id)
        places = [one.at for one in (tuple(job.wishes) if job else ()) if one.at is not None]
        if not places:
            return None
        began = [one for one in places if one.since_s is not None]
        if began:
            return min(began, key=lambda one: one.since_s or 0.0).words
        return min(places, key=lambda one: one.ticket.number).words

    def count_time(self, passed_s: float) -> None:
        """Charge time to the jobs that have a slot; called again and again."""
        for job in self._jobs.values():
            if any(one.at is not None and one.at.spends for one in job.wishes):
                job.spent_s += passed_s
            limits = [one.deadline_s for one in job.wishes if one.deadline_s is not None]
            if limits and job.spent_s > min(limits) and not job.over.done():
                job.over.set_result(None)

    @contextlib.contextmanager
    def _of_job(self, wish: Wish) -> Iterator[asyncio.Future[None]]:
        """Count a wish to its job; what is done when the deadline of that has passed."""
        over = asyncio.get_running_loop().create_future()
        if not wish.job_id:
            yield over
            return
        job = self._jobs.setdefault(wish.job_id, _JobBuilds(over))
        job.wishes.add(wish)
        try:
            yield job.over
        finally:
            job.wishes.discard(wish)
            if not job.wishes:
                self._jobs.pop(wish.job_id, None)

    @contextlib.contextmanager
    def _wished(self, key: BuildKey, wish: Wish) -> Iterator[asyncio.Task[BuildOutcome]]:
        """The task that makes what is wished for; it ends with its last wish."""
        making = self._making.get(key)
        if making is None:
            # For another batch it may come to the same, which is known once that is done.
            same = [
                one for made, one in self._making.items() if replace(made, batch=key.batch) == key
            ]
            own = Wish(wish.user)
            task = asyncio.create_task(self._known_or_made(key, own, same))
            making = self._making[key] = _Making(task, own)
        making.wishes.add(wish)
        wish.shared = making.own
        self.writer.announce()  # whoever joins what has begun hears of no slot given away
        try:
            yield making.task
        finally:
            wish.shared = None
            making.wishes.discard(wish)
            if not making.wishes:
                making.task.cancel()
                if self._making.get(key) is making:
                    del self._making[key]

    async def reference_of(
        self, baseline: Digest, evaluation: Digest, batch: int, wish: Wish | None = None
    ) -> Digest | None:
        """The reference predictions, or None where there can be none; never a reason to fail."""
        try:
            key = BuildKey(baseline, REFERENCE_RECIPE, evaluation, toolchain="", batch=batch)
            return (await self.outcome(key, wish)).artifact
        except BitgaugeError as error:
            _log.warning("no reference for %s: %s", baseline, error)
            return None

    def cancel(self) -> None:
        """Give up what is being made."""
        for making in tuple(self._making.values()):
            making.task.cancel()

    async def _known_or_made(
        self, key: BuildKey, wish: Wish, first: Sequence[_Making]
    ) -> BuildOutcome:
        for one in first:
            wish.shared = one.own
            await asyncio.wait({one.task})
        known = await self.writer.call(lambda store: store.cached_build(key))
        if known is not None:
            return known
        kind, doing = doing_build(key.recipe)
        environment = self.runner.environment(key)
        terms = str(self.limits.of(kind))
        await self._require_no_stop(key, terms)

        async def made() -> BuildOutcome:
            await self._environments.ready(environment, wish)
            async with self.slots.taken(wish, kind, doing):
                return await self.runner.build(key)

        try:
            outcome = await patiently(made)
        except BadInput as error:
            if error.code in _STOPPED:
                stop = BuildOutcome(None, error.sentence)
                await self._remember(_stop_key(key, error.code, terms), stop)
            raise
        except Refused as error:
            if error.code is not Code.NO_ENVIRONMENT:
                raise
            return BuildOutcome(None, error.sentence)  # not remembered: it may be there next time
        await self._remember(key, outcome)
        return outcome

    async def _require_no_stop(self, key: BuildKey, terms: str) -> None:
        """Say again how the same build ended within the same limits, if it did not succeed."""
        for code in _STOPPED:
            stop = _stop_key(key, code, terms)
            known = await self.writer.call(lambda store, one=stop: store.cached_build(one))  # type: ignore[misc]
            if known is not None:
                raise BadInput(code, str(known.unsupported))

    async def _remember(self, key: BuildKey, outcome: BuildOutcome) -> None:
        now_ns = self.writer.now_ns()
        await self.writer.call(lambda store: store.cache_build(key, outcome, now_ns))


def conversion(asked: BuildKey) -> BuildKey:
    """What turns one FP32 form of a model into another, whoever asks for it: no set shapes it."""
    return replace(asked, recipe=BASELINE_RECIPE, calibration=None, runtime="")


def _stop_key(key: BuildKey, code: Code, terms: str) -> BuildKey:
    """Under which key it is remembered that a build was stopped: other limits are another key."""
    return replace(key, toolchain=f"{key.toolchain} {code.value} within {terms}")


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try once more while the answer is "try again": what ended it was not the model."""

    def say(error: BaseException) -> None:
        _log.warning("a step could not be done: %s", error)

    return await Again(PAUSE_S, attempts=ATTEMPTS, say=say).call(attempt)
