"""The sentinel after a job is timed whatever became of its last entry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.agents import registry
from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.runtimes import fake
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.sentinel import sentinel_latencies
from bitgauge.benchmarks.vocabulary.enums import PassName, RunStatus
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import RunReport

from tests.labs.agent import PLUGINS, Lab, fake_artifact, open_lab
from tests.labs.values import facts

PASSES = (PassName.QUALITY, PassName.SENTINEL)
SOUND = fake_artifact()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    limits = PhaseLimits(load=3.0, terminate=0.3)
    async with open_lab(tmp_path, plugins=(PLUGINS,), limits=limits) as made:
        yield made


def job(lab: Lab, *artifacts: bytes) -> Assignment:
    return lab.assignment(list(artifacts), runtime="hostile", passes=PASSES)


def bracket(lab: Lab, report: RunReport) -> list[int]:
    """Launches of the sentinel that a report names; each holds what it should."""
    found = [ref for ref in report.raw if ref.pass_name is PassName.SENTINEL]
    for ref in found:
        latencies = sentinel_latencies(read_raw(lab.coordinator.blobs[ref.digest.sha256]))
        assert 0.1e9 < latencies.sum() < 5e9
    return [ref.launch for ref in found]


@pytest.mark.parametrize(
    ("behaviour", "when", "code"), [("hang", "load", "timeout"), ("litter", "run", "internal")]
)
async def test_the_last_entry_fails_and_the_bracket_is_closed(
    lab: Lab, behaviour: str, when: str, code: str
) -> None:
    """One that is ended and one that leaves files; `test_failures` tells the other kinds apart."""
    job(lab, SOUND, fake_artifact(behaviour=behaviour, when=when))
    async with lab.agent():
        first, last = await lab.reports(2)
    assert (first.failure, bracket(lab, first)) == (None, [0])
    assert last.failure is not None
    assert last.status is RunStatus.FAILED
    assert last.failure.code == code, last.failure
    assert bracket(lab, last) == [1]
    assert [ref.pass_name for ref in last.raw] == [PassName.SENTINEL], "and nothing else"


async def test_the_only_entry_fails_and_both_ends_are_told(lab: Lab) -> None:
    asked = job(lab, fake_artifact(behaviour="crash_abrt"))
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert report.failure is not None
    assert report.attempts == 2, "it was confirmed"
    assert bracket(lab, report) == [0, 1]
    about = facts(
        run_id=report.run_id,
        entry_index=0,
        recipe="fp32",
        candidate=asked.baseline,
        baseline=asked.baseline,
        is_baseline=True,
    )
    raws = [read_raw(lab.coordinator.blobs[ref.digest.sha256]) for ref in report.raw]
    found = {metric.key: metric for metric in analyse(raws, about)}
    for key in ("sentinel_before_ns", "sentinel_after_ns"):
        value = found[key].value
        assert value is not None
        assert value >= 100_000, "the fake sentinel waits so long"
    assert found["accuracy_pct"].value is None


async def test_an_entry_whose_file_cannot_be_had_closes_the_bracket_too(lab: Lab) -> None:
    asked = job(lab, SOUND, fake_artifact(offset=1.0))
    del lab.coordinator.blobs[asked.entries[1].artifact.sha256]
    async with lab.agent():
        first, last = await lab.reports(2)
    assert first.failure is None
    assert last.failure is not None
    assert last.failure.code == "blob_missing"
    assert bracket(lab, last) == [1]


async def test_a_failure_in_the_middle_closes_nothing(lab: Lab) -> None:
    job(lab, SOUND, fake_artifact(behaviour="raise"), fake_artifact(offset=1.0))
    async with lab.agent():
        reports = await lab.reports(3)
    assert [bracket(lab, report) for report in reports] == [[0], [], [1]]
    assert reports[1].failure is not None
    assert reports[1].raw == ()


async def test_a_sentinel_that_fails_too_changes_no_failure(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(fake.TRAITS, sentinel=lambda: b"no model")
    hostile = registry.find("runtimes", (PLUGINS,)).get("hostile")
    monkeypatch.setattr(hostile, "TRAITS", broken)
    job(lab, SOUND, fake_artifact(behaviour="raise"))
    async with lab.agent():
        first, last = await lab.reports(2)
    assert first.failure is None
    assert last.failure is not None
    assert last.failure.code == "run_failed"
    assert (first.raw[0].pass_name, last.raw) == (PassName.QUALITY, ())
