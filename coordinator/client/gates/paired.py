"""A run's answers against those of the version that was accepted before, from the raw files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitgauge.benchmarks.gates.classes import of_classes
from bitgauge.benchmarks.gates.paired import paired_answers
from bitgauge.benchmarks.raw.quality import quality_samples
from bitgauge.benchmarks.samples import QualitySamples
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.gates import PairedAnswers, RuleVerdict, UseCase

from ..sources import sources_of

if TYPE_CHECKING:
    from ..answers import Reads


def paired_of_runs(source: Reads, accepted_run_id: str, run_id: str) -> PairedAnswers | None:
    """Sample by sample; None where a raw file is missing, or the evaluation sets are not one."""
    theirs, mine = _answers(source, accepted_run_id), _answers(source, run_id)
    if theirs is None or mine is None or theirs[0] != mine[0]:
        return None
    return paired_answers(theirs[1], mine[1])


def rules_of_classes(source: Reads, run_id: str, use_case: UseCase) -> tuple[RuleVerdict, ...]:
    """What was found of each class that has a margin of its own; none where nothing can be read."""
    if not use_case.classes:
        return ()
    found = _answers(source, run_id)
    return of_classes(found[1], use_case) if found else ()


def _answers(source: Reads, run_id: str) -> tuple[str, QualitySamples] | None:
    """Digest of the evaluation set, and what each of its samples did."""
    known = sources_of(source, source.run(run_id))
    told = known.given("evaluation_sha256").value
    found = known.raw_files.parsed(PassName.QUALITY, RawRole.BOTH, quality_samples)
    return (str(told), found[0]) if told and found else None
