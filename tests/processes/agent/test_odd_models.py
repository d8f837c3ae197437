"""Models that are hard to time: each ends in flagged results with a reason, and harms no other.

Real children of a real agent, with a runtime of its own that keeps time as the fake one does not.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.analyse import RunFacts, analyse
from bitgauge.benchmarks.raw.absolute import absolute_samples
from bitgauge.benchmarks.raw.container import RawFile, read_raw
from bitgauge.benchmarks.raw.pair import pair_samples
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole, RunStatus, Scenario
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Overrides, Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RunReport

from tests.labs.agent import PLUGINS, Lab, fake_artifact, open_lab
from tests.labs.values import detail

LITTLE = Overrides(warmup_ms=20, launches=1, budget_ms=100)
TIMED = (PassName.QUALITY, PassName.ABSOLUTE, PassName.PAIR)
CALM = fake_artifact(latency_ns=200_000)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path, plugins=(PLUGINS,)) as made:
        yield made


def job_of(
    lab: Lab, *artifacts: bytes, overrides: Overrides = LITTLE, passes: tuple[PassName, ...] = TIMED
) -> Assignment:
    return lab.assignment(list(artifacts), runtime="odd", overrides=overrides, passes=passes)


def analysed(lab: Lab, job: Assignment, report: RunReport) -> dict[str, MetricValue]:
    assert report.status is RunStatus.MEASURED, report.failure
    entry = job.entries[report.entry_index]
    facts = RunFacts(
        run_id=report.run_id,
        entry_index=entry.index,
        recipe=entry.recipe,
        profile=Profile.QUICK,
        workload=job.workload,
        candidate=entry.artifact,
        baseline=job.baseline,
        is_baseline=entry.index == 0,
        overrides=job.overrides,
    )
    raws = []
    for ref in report.raw:
        raw = read_raw(lab.coordinator.blobs[ref.digest.sha256])
        # What the host of this machine stole is not what is looked at here.
        arrays = {
            name: np.zeros_like(array) if name == "steal_ticks" else array
            for name, array in raw.arrays.items()
        }
        # Files of the baseline's run play another part in its candidates'.
        meta = {**raw.meta, "role": ref.role.value, "recipe": entry.recipe}
        raws.append(RawFile(meta, arrays))
    return {metric.key: metric for metric in analyse(raws, facts)}


async def test_a_call_longer_than_the_budget_is_null_with_the_reason(lab: Lab) -> None:
    tight = replace(LITTLE, budget_ms=50)
    job = job_of(lab, CALM, fake_artifact(latency_ns=60_000_000), CALM, overrides=tight)
    async with lab.agent():
        _, slow, other = await lab.reports(3, 120)
    metrics = analysed(lab, job, slow)
    for key in ("latency_p50_ns", "latency_ratio"):
        assert (metrics[key].value, metrics[key].reason) == (None, "iteration_over_budget")
    assert metrics["latency_p99_ns"].reason == "insufficient_samples"
    assert detail(metrics["latency_p99_ns"])["needed"] == "662"
    assert metrics["accuracy_pct"].value is not None
    assert metrics["first_inference_ns"].value >= 60e6  # type: ignore[operator]
    assert analysed(lab, job, other)["latency_ratio"].value is not None


async def test_a_model_that_never_settles_is_flagged_and_still_reported(lab: Lab) -> None:
    # A busy host must not spend the budget before there are quads enough for a ratio.
    longer = replace(LITTLE, budget_ms=2000)
    restless_one = fake_artifact(target="restless")
    passes = (PassName.QUALITY, PassName.PAIR)
    job = job_of(lab, CALM, restless_one, CALM, overrides=longer, passes=passes)
    async with lab.agent():
        _, restless, other = await lab.reports(3, 120)
    ratio = analysed(lab, job, restless)["latency_ratio"]
    assert ratio.value is not None
    assert "no_steady_state" in ratio.flags
    assert other.status is RunStatus.MEASURED


async def test_outputs_that_are_worth_nothing_are_timed_all_the_same(lab: Lab) -> None:
    empty = fake_artifact(latency_ns=200_000, target="empty")
    job = job_of(lab, CALM, empty, fake_artifact(latency_ns=200_000, behaviour="nan"))
    async with lab.agent():
        _, *reports = await lab.reports(3, 120)
    without, strange = (analysed(lab, job, report) for report in reports)
    for metrics in (without, strange):
        assert metrics["latency_ratio"].value == pytest.approx(1.0, abs=0.9)
        p50 = metrics["latency_p50_ns"]
        # On a host that others use, calls may hang together so much that they count as few.
        assert p50.value is not None or p50.reason == "insufficient_samples"
    for key in ("accuracy_pct", "kl_mean", "nonfinite_count"):
        assert without[key].reason == "empty_output"
    assert strange["nonfinite_count"].verdict == "FAIL"
    assert strange["kl_mean"].reason == "nonfinite_output"


async def test_the_agent_is_silent_while_a_clock_runs(lab: Lab) -> None:
    said: list[int] = []
    record = lab.coordinator.events.append

    class Watched(list[str]):
        def append(self, method: str) -> None:
            said.append(time.perf_counter_ns())
            record(method)

    lab.coordinator.events = Watched()
    long = Overrides(warmup_ms=20, launches=1, budget_ms=2000)
    lab.assignment([CALM, CALM], runtime="odd", overrides=long, passes=TIMED, renew_every_ms=100)
    async with lab.agent():
        reports = await lab.reports(2, 120)
    inside = between = 0
    for ref in {ref.digest.sha256: ref for one in reports for ref in one.raw}.values():
        raw = read_raw(lab.coordinator.blobs[ref.digest.sha256])
        if ref.pass_name is PassName.ABSOLUTE:
            samples, _ = absolute_samples(raw)
            starts, ends = samples.block_start_ns, samples.block_end_ns
        elif ref.pass_name is PassName.PAIR:
            pair = pair_samples(raw)
            # Medians and not sums: a stretch that is surely within the block.
            starts, ends = pair.start_ns, pair.start_ns + pair.value_ns.astype(np.int64)
        else:
            continue
        for moment in said:  # one clock for every process of this machine
            inside += int(np.any((starts < moment) & (moment < ends)))
            between += int(starts[0] < moment < ends[-1])
    assert between >= 3  # the lease was renewed meanwhile, in the gaps
    assert inside == 0


@pytest.fixture
def busy_neighbours() -> Iterator[None]:
    program = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(program) for _ in range(2)]
    yield
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("busy_neighbours")
async def test_foreign_load_during_a_run_is_flagged(lab: Lab) -> None:
    job = job_of(lab, CALM, CALM)
    async with lab.agent():
        _, report = await lab.reports(2, 120)
    metrics = analysed(lab, job, report)
    for key in ("latency_p50_ns", "latency_ratio"):
        assert metrics[key].value is None or "foreign_load" in metrics[key].flags, key
        told = detail(metrics[key])
        assert metrics[key].value is None or float(told["foreign_cpu_pct"]) > 10
    assert metrics["accuracy_pct"].value is not None


async def test_the_sweep_runs_in_a_real_child_and_ends_with_a_reason(lab: Lab) -> None:
    fixed = fake_artifact(latency_ns=200_000, inputs={"input": [10]}, fixed_batch=4)
    job = lab.assignment(
        [CALM, CALM, fixed],
        runtime="odd",
        overrides=LITTLE,
        passes=(PassName.QUALITY, PassName.THROUGHPUT),
        workload=Workload(Scenario.OFFLINE),
    )
    async with lab.agent():
        _, free, one = await lab.reports(3, 120)
    best = analysed(lab, job, free)["best_throughput_per_s"]
    # The fake takes as long for a batch as for one sample, so that a larger batch is always
    # better, unless a neighbour disturbs a point.
    batches = [int(point.split(":")[0]) for point in detail(best)["curve"].split()]
    assert batches == [1 << at for at in range(len(batches))]
    assert len(batches) > 1
    assert detail(best)["stopped"] in ("max_batch", "gain")
    assert (batches[-1] == 4096) or detail(best)["stopped"] == "gain"
    only = analysed(lab, job, one)["best_throughput_per_s"]
    assert (detail(only)["best_batch"], detail(only)["stopped"]) == ("4", "fixed_batch")
    assert 0 < only.value <= 4 * 5000  # type: ignore[operator]


async def test_a_launch_is_stored_with_what_surrounds_it(lab: Lab) -> None:
    job = job_of(lab, CALM, CALM)
    async with lab.agent():
        first, second = await lab.reports(2, 120)
    metrics = analysed(lab, job, second)
    assert 0 < metrics["harness_ns"].value < 50_000  # type: ignore[operator]
    assert metrics["floor_p50_ns"].value < metrics["latency_p50_ns"].value  # type: ignore[operator]
    assert 0 < metrics["throughput_per_s"].value <= 5000  # type: ignore[operator]
    floors = [ref for ref in (*first.raw, *second.raw) if ref.role is RawRole.FLOOR]
    assert len({ref.digest for ref in floors}) == 1  # one for the whole job
    for ref in second.raw:
        if ref.pass_name in (PassName.ABSOLUTE, PassName.PAIR):
            raw = read_raw(lab.coordinator.blobs[ref.digest.sha256])
            assert raw.meta["preflight"].keys() >= {"governor", "boost", "smt", "cpuset"}
            assert raw.arrays["foreign_ticks"].size == raw.arrays["clock_step_ns"].size > 0
