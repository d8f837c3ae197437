"""What the coordinator has done elsewhere: a narrow protocol that Ray fulfils, and tests fake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef

from ..decisions.submission import Answers, Inspection, Takes
from ..models.chains import Chain
from ..store.values import BuildKey, BuildOutcome


@dataclass(frozen=True, slots=True)
class Analysis:
    """Every published number of one run, and the version of the rules that made them."""

    version: int
    metrics: tuple[MetricValue, ...]


class TaskRunner(Protocol):
    """Runs the heavy work. Raises `BitgaugeError`; `Unavailable` means try again."""

    def toolchain(self, key: BuildKey) -> str:
        """Versions of everything that shapes what is to be made, as one text."""

    def chain(self, recipe: str, artifact_kind: str, there: Sequence[str]) -> Chain:
        """How an artifact of `recipe` is made of sources of these kinds, the baseline's first."""

    def environment(self, key: BuildKey) -> str:
        """The builder environment in which an artifact is built; empty when it needs none."""

    async def make_ready(self, environment: str) -> None:
        """Make an environment on some node, which builds what needs it, unless it is there."""

    async def inspect(self, spec: JobSpec, takes: Takes, answers: Answers) -> Inspection:
        """Look into every file of a completed job before it is taken.

        `takes` says which kinds of artifact each runtime takes, as far as that is known; `answers`
        what forms of the model answer that an environment runs.
        """

    async def build(self, key: BuildKey) -> BuildOutcome:
        """Make an artifact (or a reference) and store it as a blob, or say why it cannot be."""

    async def analyse(
        self, refs: tuple[RawRef, ...], facts: RunFacts, reference: Digest | None
    ) -> Analysis:
        """Compute a run's published numbers from its raw files.

        The run's baseline is compared with the reference, when there is one.
        """
