"""The sweep over batches on a simulated device, and what its analysis says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.throughput import best_throughput
from bitgauge.benchmarks.protocol.throughput import WINDOWS, MemoryOutlook, Sweep, why_stop
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.throughput import sweep_samples, throughput_raw
from bitgauge.benchmarks.samples import Conditions
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.profiles import PLANS
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.values import detail, facts, origin

MS = 1_000_000
POINT_NS = 500 * MS
ROOM = MemoryOutlook(0, 0, 1 << 40)
OFFLINE = Workload(Scenario.OFFLINE)
FACTS = facts(workload=OFFLINE)
ORIGIN = origin(PassName.THROUGHPUT, RawRole.CANDIDATE, workload=OFFLINE)


def swept(
    call_ns: Callable[[int], float],
    *,
    overhead_ns: int = 0,
    read: Callable[[], Conditions] = Conditions,
) -> tuple[RawFile, Sweep]:
    """A sweep of a device whose call of n samples takes `call_ns(n)`."""
    now = 0.0

    def clock() -> int:
        nonlocal now
        now += overhead_ns
        return int(now)

    sweep = Sweep(clock, lambda: None, read, POINT_NS)
    batch, stopped = 1, ""
    while not stopped:
        cost = call_ns(batch)

        def call(cost: float = cost) -> None:
            nonlocal now
            now += cost

        sweep.measure(call, batch, int(cost))
        stopped = why_stop(sweep.rates, batch, int(cost), POINT_NS, ROOM)
        batch *= 2
    return throughput_raw(ORIGIN, sweep.samples(stopped)), sweep


def analysed(raw: RawFile) -> MetricValue:
    return best_throughput({(PassName.THROUGHPUT, RawRole.CANDIDATE): [raw]}, FACTS)


def test_the_sweep_ends_where_more_brings_no_more() -> None:
    # A call costs 1 ms and 0.25 ms per sample up to 8, as much per sample beyond.
    raw, sweep = swept(lambda n: MS + n * MS / 4 if n <= 8 else n * 3 * MS / 8)
    assert sweep_samples(raw).stopped == "gain"
    metric = analysed(raw)
    points = dict(pair.split(":") for pair in detail(metric)["curve"].split())
    assert list(points) == ["1", "2", "4", "8", "16"]  # the whole curve
    assert detail(metric)["best_batch"] in ("8", "16")
    assert metric.value == pytest.approx(8 / 3e-3, rel=0.01)
    assert float(points["1"]) == pytest.approx(800, rel=0.01)
    assert metric.flags == ("preliminary",)
    assert len(sweep.rates) == 5


def test_each_point_is_measured_for_its_span() -> None:
    raw, _ = swept(lambda n: n * MS)
    samples = sweep_samples(raw)
    for batch in (1, 2):
        windows = samples.batch == batch
        assert int(windows.sum()) == WINDOWS
        assert int(samples.elapsed_ns[windows].sum()) >= POINT_NS
        assert np.all(samples.busy_ns[windows] == samples.elapsed_ns[windows])


def test_littles_law_finds_a_harness_that_loses_time() -> None:
    # Each clock reading costs half of a call: latencies no longer account for the time.
    raw, _ = swept(lambda n: n**3 * MS, overhead_ns=MS // 2)
    metric = analysed(raw)
    assert "harness_suspect" in metric.flags
    assert float(detail(metric)["in_flight"]) == pytest.approx(0.75, abs=0.02)


def test_reasons_to_stop() -> None:
    short = MemoryOutlook(grown_bytes=100, inputs_bytes=50, free_bytes=400)
    assert why_stop([1.0], 1, 1, 100, short) == "memory"
    assert why_stop([1.0], 1, 1, 100, replace(short, free_bytes=-1)) == ""
    assert why_stop([1.0], 1, 1, 100, replace(short, free_bytes=1000)) == ""
    assert why_stop([1.0, 1.02], 2, 1, 100, ROOM) == "gain"
    assert why_stop([1.0, 1.04], 2, 1, 100, ROOM) == ""
    assert why_stop([1.0, 2.0, 1.5], 4, 1, 100, ROOM) == "gain"
    assert why_stop([1.0], 1, 51, 100, ROOM) == "too_slow"
    assert why_stop([1.0, 2.0], 4096, 1, 100, ROOM) == "max_batch"


def test_windows_with_a_cause_do_not_count() -> None:
    readings = 0

    def read() -> Conditions:
        nonlocal readings
        readings += 1
        return Conditions(steal_ticks=float(readings > 9))  # once, within the fifth window

    metric = analysed(swept(lambda n: n * MS, read=read)[0])
    assert "discarded_blocks" in metric.flags
    assert detail(metric)["discarded_causes"] == "steal:1"
    always = iter(range(10_000))
    raw, _ = swept(lambda n: n * MS, read=lambda: Conditions(throttle_count=float(next(always))))
    assert analysed(raw).reason == "invalid_discarded"


def test_without_a_sweep_it_says_whether_one_was_to_be() -> None:
    assert best_throughput({}, FACTS).reason == "pass_missing"
    single = replace(FACTS, workload=Workload())
    assert best_throughput({}, single).reason == "not_in_profile"
    whole = replace(single, profile=Profile.STANDARD)
    assert best_throughput({}, whole).reason == "pass_missing"
    assert PLANS[Profile.STANDARD].throughput_point_ns >= 10_000 * MS
    assert PLANS[Profile.CERTIFIED].throughput_point_ns >= 10_000 * MS


def test_what_is_no_sweep_is_refused() -> None:
    raw, _ = swept(lambda n: n * MS)
    raw.arrays["batch"] = raw.arrays["batch"][::-1].copy()
    with pytest.raises(BadInput, match="do not form a sweep"):
        sweep_samples(raw)
