"""What stands out in a run, and where its time goes, as a report shows it."""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.record.explain.explain import Finding, OperatorLine, explain
from bitgauge.benchmarks.record.explain.types import share_words
from bitgauge.benchmarks.record.sources import Sources
from bitgauge.benchmarks.vocabulary.shown import DASH, duration

from ...client.sources import subject_in


@dataclass(frozen=True, slots=True)
class FindingsView:
    """The explanation of a run.

    Attributes:
        headline: its verdicts in one sentence.
        findings: the gravest first.
        operators: operator type, share, own time, the baseline's time.
        operator_words: what the table of operators is, or why there is none.
    """

    headline: str
    findings: tuple[Finding, ...]
    operators: tuple[tuple[str, str, str, str], ...]
    operator_words: str


def findings_view(sources: Sources) -> FindingsView:
    """What stands out in a run."""
    subject = subject_in(sources)
    found = explain(subject)
    profile = subject.profile
    words = "Not measured for this run."
    if profile is not None and profile.why_not:
        words = f"Not shown: {profile.why_not}"
    elif profile is not None and profile.operators:
        words = (
            f"{profile.calls} calls under the runtime's own profiler, which takes"
            f" {duration(profile.call_ns)} per call: shares, not latencies."
        )
    rows = tuple(_row(line) for line in found.operators)
    return FindingsView(found.headline, found.findings, rows, words)


def _row(line: OperatorLine) -> tuple[str, str, str, str]:
    return (
        line.op_type,
        share_words(line.share) if line.time_ns else DASH,
        duration(line.time_ns) if line.time_ns else DASH,
        duration(line.baseline_ns) if line.baseline_ns else DASH,
    )
