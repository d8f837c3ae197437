"""A long launch: the last minute against the first, and when the device slowed down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.analysis.sustained import minutes_ratio
from bitgauge.benchmarks.raw.absolute import ColdStart, absolute_raw, absolute_samples
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.samples import AbsoluteSamples
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from scipy import stats

from tests.labs import values
from tests.labs.conditions import conditions
from tests.labs.values import BASELINE, detail

FACTS = values.facts(
    entry_index=0, recipe="fp32", profile=Profile.SUSTAINED, candidate=BASELINE, is_baseline=True
)
WARM = values.warmed(1)
SECOND = 1_000_000_000
PER_SECOND = 10


def launch(
    seconds: int = 600,
    *,
    slow_after_s: float | None = None,
    slower: float = 1.4,
    tells: bool = True,
    seed: int = 1,
    facts: RunFacts = FACTS,
    **columns: np.ndarray,
) -> RawFile:
    """Ten blocks a second of five calls of 1 ms; later `slower`, and the clock goes with it."""
    rng = np.random.default_rng(seed)
    blocks = seconds * PER_SECOND
    starts = np.arange(blocks) * (SECOND // PER_SECOND)
    level = np.where(starts >= (slow_after_s or 1e9) * SECOND, slower, 1.0)
    block = np.repeat(np.arange(blocks), 5)
    latency = (1e6 * level[block] * np.exp(rng.normal(0, 0.02, block.size))).astype(np.int64)
    unknown = np.full(blocks, np.nan)
    clock = np.where(level > 1, 1500.0, 2400.0) if tells else unknown
    heat = np.linspace(50, 80, blocks) if tells else unknown
    around = conditions(blocks, clock_mhz=clock, temperature_c=heat, **columns)
    samples = AbsoluteSamples(latency, block, starts, around, WARM, latency.size, starts + 5)
    origin = values.origin(
        PassName.ABSOLUTE,
        RawRole.CANDIDATE,
        artifacts=(BASELINE.sha256,),
        recipe="fp32",
        profile=Profile.SUSTAINED,
        overrides=facts.overrides,
    )
    return absolute_raw(origin, samples, ColdStart(1, 1))


def analysed(raw: RawFile, facts: RunFacts = FACTS) -> dict[str, MetricValue]:
    return {metric.key: metric for metric in analyse([raw], facts)}


def test_a_device_that_throttles_after_four_minutes() -> None:
    metrics = analysed(launch(slow_after_s=240))
    metric = metrics["sustained_ratio"]
    assert metric.value == pytest.approx(1.4, rel=0.01)
    assert metric.difference == "detected"
    told = detail(metric)
    assert float(told["time_to_throttle_s"]) == pytest.approx(240, abs=10.5)
    assert float(told["time_to_slowdown_s"]) == pytest.approx(240, abs=10.5)
    points = [point.split(":") for point in told["curve"].split()]
    assert len(points) == 60
    assert [point[2] for point in points[:20]] == ["2400"] * 20
    assert points[-1][2] == "1500"
    assert float(points[-1][3]) > float(points[0][3])
    # What the profile looks for is no reason to discard it; one median for two levels there is not.
    assert metrics["latency_p50_ns"].reason == "insufficient_samples"
    assert "discarded_blocks" not in metric.flags


def test_a_device_that_holds_out_and_tells_nothing() -> None:
    metric = analysed(launch(tells=False))["sustained_ratio"]
    assert metric.difference == "none"
    assert metric.value == pytest.approx(1.0, rel=0.005)
    told = detail(metric)
    assert told["time_to_throttle_s"] == told["time_to_slowdown_s"] == "none"
    assert all(point.endswith(":-:-") for point in told["curve"].split())


def test_a_slow_spell_that_ends_is_no_slowdown() -> None:
    raw = launch(slow_after_s=240, tells=False)
    middle = (raw.arrays["block"] >= 4000) & (raw.arrays["block"] < 6000)
    raw.arrays["latency_ns"][middle] = 1_000_000
    metric = analysed(raw)["sustained_ratio"]
    assert detail(metric)["time_to_slowdown_s"] == "none"
    assert metric.difference == "none"


def test_less_than_two_minutes_is_no_answer() -> None:
    short = replace(FACTS, overrides=Overrides(budget_ms=60_000))
    metric = analysed(launch(100, facts=short), short)["sustained_ratio"]
    assert (metric.value, metric.reason) == (None, "window_too_short")
    assert float(detail(metric)["needed_s"]) == 120
    two = replace(FACTS, overrides=Overrides(budget_ms=130_000))
    assert analysed(launch(130, facts=two), two)["sustained_ratio"].value is not None


def test_other_profiles_do_not_have_it() -> None:
    metrics = {one.key: one for one in analyse([], replace(FACTS, profile=Profile.STANDARD))}
    assert metrics["sustained_ratio"].reason == "not_in_profile"
    assert {one.key: one for one in analyse([], FACTS)}["sustained_ratio"].reason == "pass_missing"


def test_what_comes_from_outside_is_still_discarded() -> None:
    stolen = np.zeros(6000)
    stolen[100:200] = 1.0
    metric = analysed(launch(steal_ticks=stolen))["sustained_ratio"]
    assert detail(metric)["discarded_causes"] == "steal:100"
    assert "discarded_blocks" in metric.flags


def test_the_interval_covers_no_change_at_its_nominal_rate() -> None:
    trials = 200
    covered = 0
    for seed in range(trials):
        found = minutes_ratio(absolute_samples(launch(130, seed=seed))[0], seed)
        covered += found.low <= 1 <= found.high
    assert stats.binomtest(covered, trials, 0.95, alternative="less").pvalue > 0.001
