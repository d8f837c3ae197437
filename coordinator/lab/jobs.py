"""Jobs of people: looked into, taken, watched, cancelled. In plain values."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.vocabulary.enums import JobState, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView

from ..decisions import submission
from ..decisions.asker import ITSELF, Asker
from ..decisions.care import require_quota
from ..decisions.steps import INSPECTING, StepKind
from ..decisions.submission import Inspection
from ..store.store import Store
from ..store.values import BuildKey, BuildOutcome, LeaseTerms
from ..store.writer import Writer
from .blobs import wanted
from .builds import Builds, patiently
from .care import LabCare
from .runner import TaskRunner
from .slots import Wish
from .watching import Watching


@dataclass(eq=False)
class Jobs:
    """The people's side of one coordinator's jobs. Every method raises `BitgaugeError` only.

    Attributes:
        writer: the store's thread.
        runner: looks into what is submitted.
        terms: when a device counts as unreachable.
        care: of devices; knows what a job waits for, and whether one may be taken.
        builds: put a baseline in order that is not, and know how far they are.
    """

    writer: Writer
    runner: TaskRunner
    terms: LeaseTerms
    care: LabCare
    builds: Builds

    def __post_init__(self) -> None:
        self._watching = Watching(self.writer, self.seen)

    async def submit(
        self, spec: JobSpec, submitted_by: str = "", wish: Wish | None = None
    ) -> tuple[str, bool]:
        """Take a job whose files are here, after a look into them.

        Args:
            spec: what to measure.
            submitted_by: who asks.
            wish: shows what is waited for meanwhile.

        Returns:
            The id of the job, and whether this call made it.
        """
        await asyncio.to_thread(self.care.intake)
        spec = submission.completed(spec)
        digests, now_ns = tuple(submission.named_digests(spec)), self.writer.now_ns()

        def looked(store: Store) -> tuple[tuple[Digest, ...], list[DeviceDescription]]:
            return wanted(store, digests, now_ns), self._present(store, now_ns)

        missing, present = await self.writer.call(looked)
        submission.require_blobs(spec, missing)
        submission.require_runtimes(spec, present)
        takes = submission.takes(present)
        wish = wish or Wish(submitted_by)
        inspection = await self._inspected(spec, takes, wish)
        if inspection.disorder:
            spec = await self._ordered(spec, wish, reformatted=inspection.reformatted)
            inspection = await self._inspected(spec, takes, wish)
        if inspection.unanswered:
            answers = await self._answers(spec, inspection.unanswered, wish)
            inspection = await self._inspected(spec, takes, wish, answers)
        spec = await self._with_origin(submission.described(spec, inspection))
        model_class = spec.model_class or ModelClass.OTHER
        job_id = str(uuid.uuid4())
        now_ns = self.writer.now_ns()

        def work(store: Store) -> tuple[str, bool]:
            if store.job_with_key(submitted_by, spec.idempotency_key) is None:
                present = self._present(store, now_ns)
                submission.require_named_runtimes(spec)
                submission.require_options(spec, present)
                submission.require_device(spec, present)
                require_quota(submitted_by, store.waiting_of(submitted_by), self.care.terms)
            return store.submit(job_id, spec, model_class, now_ns=now_ns, submitted_by=submitted_by)

        submitted = await self.writer.change(work)
        crash_point("C1")
        return submitted

    async def _ordered(self, spec: JobSpec, wish: Wish, *, reformatted: bool) -> JobSpec:
        """The job with its baseline in order, made now or known from an earlier time."""
        asked = BuildKey(spec.baseline, submission.order_recipe(spec), spec.evaluation, "")
        outcome = await self.builds.outcome(asked, wish)
        baseline = outcome.artifact or spec.baseline
        return submission.ordered(spec, baseline, outcome.notes, reformatted=reformatted)

    async def _answers(
        self, spec: JobSpec, forms: Sequence[tuple[Digest, str]], wish: Wish
    ) -> dict[Digest, Digest | str]:
        """What forms of a model answer to samples, or why nobody knows.

        A form that ends what runs it is no reason to refuse the job: its device will say so, too.
        """
        samples = spec.calibration or spec.evaluation
        found: dict[Digest, Digest | str] = {}
        for artifact, kind in forms:
            asked = BuildKey(artifact, submission.ANSWERS_RECIPE, samples, "", source_kind=kind)
            try:
                outcome = await self.builds.outcome(asked, wish)
            except BadInput as error:
                outcome = BuildOutcome(None, error.sentence)
            found[artifact] = outcome.artifact or str(outcome.unsupported).rstrip(".")
        return found

    async def _with_origin(self, spec: JobSpec) -> JobSpec:
        """The job with the lineage of a baseline that was put in order for an earlier one."""
        if spec.original not in (None, spec.baseline):
            return spec
        found = await self.writer.call(lambda store: store.origin_of(spec.baseline))
        if found is None:
            return spec
        original, outcome = found
        return replace(spec, original=original, order=outcome.notes)

    async def submitting(
        self, spec: JobSpec, submitted_by: str = ""
    ) -> AsyncGenerator[str | tuple[str, bool], None]:
        """Submit, and say what is waited for whenever that changes; the last is what it returns.

        A job that nobody waits for any more is not looked into either.
        """
        wish, shown = Wish(submitted_by), ""
        task = asyncio.create_task(self.submit(spec, submitted_by, wish))
        try:
            while not task.done():
                version = self.writer.changes.version
                words = wish.words
                if words and words != shown:
                    shown = words
                    yield words
                change = asyncio.create_task(self.writer.changes.wait_past(version))
                await asyncio.wait({task, change}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
            yield task.result()
        finally:
            task.cancel()

    async def _inspected(
        self,
        spec: JobSpec,
        takes: submission.Takes,
        wish: Wish,
        answers: submission.Answers = MappingProxyType({}),
    ) -> Inspection:
        async def inspected() -> Inspection:
            async with self.builds.slots.taken(wish, StepKind.INSPECT, INSPECTING):
                return await self.runner.inspect(spec, takes, answers)

        return await patiently(inspected)

    def _present(self, store: Store, now_ns: int) -> list[DeviceDescription]:
        """Every device that is not retired, online or not."""
        views = store.devices(now_ns, self.terms)
        return [view.description for view in views if not view.retired]

    def watch(self, job_id: str, by: str = "") -> AsyncGenerator[JobView, None]:
        """The job now and after each change, until it has ended, for `by`."""
        return self._watching.views(job_id, by)

    async def cancel(self, job_id: str, asker: Asker = ITSELF) -> JobView:
        """Cancel a job that has not ended; its submitter may, and an admin."""
        now_ns = self.writer.now_ns()

        def work(store: Store) -> JobView:
            found = store.job_id_of(job_id)
            asker.require_own(store.submitter(found), f"Job {found}")
            return store.cancel(found, "cancelled by the user", now_ns, asker.name)

        return await self.writer.change(work)

    async def view(self, job_id: str, by: str = "") -> JobView:
        """One job, for `by`."""
        [view] = await self.writer.ask(lambda store: self.seen(store, [job_id]), by)
        return view

    def seen(self, store: Store, job_ids: Sequence[str]) -> tuple[JobView, ...]:
        """These jobs as people see them, from one moment of a store."""
        return self._shown(store, [store.job(job_id) for job_id in job_ids])

    def listed(self, store: Store, limit: int, active_only: bool) -> tuple[JobView, ...]:
        """Jobs as people see them, newest first."""
        return self._shown(store, store.jobs(limit, active_only))

    def _shown(self, store: Store, views: Sequence[JobView]) -> tuple[JobView, ...]:
        explained = self.care.explained(store, views, self.writer.now_ns())
        return tuple(map(self._with_builds, explained))

    def _with_builds(self, view: JobView) -> JobView:
        """A job that is being built, with what is made of it now."""
        doing = self.builds.doing(view.job_id) if view.state is JobState.BUILDING else None
        return replace(view, waiting_for=doing) if doing else view
