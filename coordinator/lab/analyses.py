"""What an analysis needs to know about a run, gathered from the store, and having it done."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, Reanalysis

from ..decisions.steps import ANALYSING, StepKind
from ..store.subjects import subject_of
from ..store.values import LeaseTerms
from ..store.writer import Writer
from .builds import Builds, patiently
from .runner import Analysis, TaskRunner
from .slots import Wish


@dataclass(eq=False)
class Analyses:
    """Computes published numbers; the first time and again alike."""

    writer: Writer
    runner: TaskRunner
    builds: Builds
    terms: LeaseTerms

    async def compute(self, run_id: str, asker: str | None = None) -> Analysis:
        """The numbers of a run from its raw data; nothing is stored.

        Args:
            run_id: which run.
            asker: in whose line for a slot it stands; None: in that of who submitted the run.

        Raises:
            BitgaugeError: the raw data gives none, or no task could be run.
        """
        now_ns = self.writer.now_ns()
        subject = await self.writer.call(
            lambda store: subject_of(store, run_id, now_ns, self.terms)
        )
        user = asker
        if user is None:
            user = await self.writer.call(lambda store: store.submitter(store.run(run_id).job_id))
        baseline, evaluation = subject.facts.baseline, subject.evaluation
        batch = subject.facts.workload.batch
        reference = await self.builds.reference_of(baseline, evaluation, batch, Wish(user))

        async def analysed() -> Analysis:
            async with self.builds.slots.taken(Wish(user), StepKind.ANALYSE, ANALYSING):
                return await self.runner.analyse(subject.raw, subject.facts, reference)

        return await patiently(analysed)

    async def again(self, run_id: str, asker: str) -> Reanalysis:
        """A run's published numbers beside the same computed again from its raw data.

        It stands in the asker's line, whoever's the run is: nobody fills another's.

        Raises:
            Refused: the run has no published numbers yet.
        """
        run = await self.writer.call(lambda store: store.run(run_id))
        if run.analysis_version is None:
            raise Refused(Code.ILLEGAL_TRANSITION, f"Run {run_id} has no published numbers.")
        found = (await self.compute(run_id, asker)).metrics
        return Reanalysis(run.metrics, found, _bits(run.metrics) == _bits(found))


def _bits(metrics: tuple[MetricValue, ...]) -> bytes:
    """JSON writes the shortest text that gives a float back exactly."""
    return msgspec.json.encode(sorted(metrics, key=lambda metric: metric.key))
