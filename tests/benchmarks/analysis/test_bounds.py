"""Results beyond what a device was ever seen to do: operations and bytes per second."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.numerics.ledger import Ledger, OperatorRow
from bitgauge.benchmarks.raw.absolute import ColdStart, absolute_raw
from bitgauge.benchmarks.raw.anchors import (
    CACHE,
    FOREIGN,
    FP16,
    FP32,
    INT8,
    MEMORY,
    READING,
    Anchors,
    as_items,
    from_items,
    peak_name,
    readable,
    together,
)
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.given import given_meta, given_of
from bitgauge.benchmarks.raw.numerics import numerics_raw, read_ledger
from bitgauge.benchmarks.samples import AbsoluteSamples
from bitgauge.benchmarks.stats.sanity import ANCHOR_SLACK, beyond_anchor
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.fingerprint import fingerprint, stack_of
from bitgauge.benchmarks.vocabulary.reasons import ANOMALOUS, IMPOSSIBLE
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.conditions import conditions
from tests.labs.values import facts, origin, warmed

MIB = 1 << 20
VALUES = {
    peak_name(FP32, 1): 100e9,
    peak_name(FP32, 4): 300e9,
    peak_name(INT8, 1): 400e9,
    peak_name(INT8, 4): 1200e9,
    peak_name(MEMORY, 1): 10e9,
    peak_name(MEMORY, 4): 20e9,
    CACHE: 8.0 * MIB,
}
FLOATS = OperatorRow("mm", "MatMul", "float", "f32", "f32", True, 1_000_000, 64, "y")
INTEGERS = replace(FLOATS, compute="integer", activation_type="u8", weight_type="s8")
QUIET = {FOREIGN: 1.0, READING: 1.0}
LOUD = {FOREIGN: 60.0, READING: 1.0}
AGAIN = {FOREIGN: 2.0, READING: 2.0}
LOUD_AGAIN = {FOREIGN: 60.0, READING: 2.0}
HEAVY = replace(INTEGERS, weight_bytes=9 * MIB)
UPWARDS = replace(FLOATS, op_type="ConvTranspose", weight_bytes=9 * MIB)
PLAIN = Workload()


def test_slack_is_five_per_cent() -> None:
    assert not beyond_anchor(ANCHOR_SLACK * 100.0, 100.0)
    assert beyond_anchor(105.1, 100.0)
    assert beyond_anchor(math.nan, 100.0)


def test_threads_in_between_are_bounded_from_above() -> None:
    anchors = Anchors(VALUES)
    assert anchors.peak(FP32, 1) == 100e9
    assert anchors.peak(FP32, 2) == 300e9, "what four reach bounds two"
    assert anchors.peak(FP32, 4) == 400e9, "somebody else may have had the others"
    assert anchors.peak(FP32, 64) == 400e9, "there are four"
    assert anchors.peak(MEMORY, 1) == 10e9
    assert anchors.peak(MEMORY, 2) == anchors.peak(MEMORY, 9) == 20e9
    assert anchors.peak(FP16, 1) is None
    assert Anchors({**VALUES, peak_name(MEMORY, 4): 9e9}).peak(MEMORY, 4) == 10e9


def test_anchors_survive_description_and_raw_file() -> None:
    items = as_items(VALUES)
    again = from_items(items)
    assert again is not None
    assert again.values == pytest.approx(VALUES, rel=1e-5)
    raw = RawFile(given_meta(7, "", (), (), items), {})
    assert given_of(raw).anchors == again
    assert given_of(RawFile(given_meta(7, "", (), ()), {})).anchors is None
    assert "anchors" not in given_meta(7, "", (), ())["given"]


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"fp32": 1.0},
        {"fp32_flops_per_s.0": 1.0},
        {"fp32_flops_per_s.1\n": 1.0},
        {CACHE: 0},
        {CACHE: -1.0},
        {CACHE: True},
        {CACHE: math.nan},
        {CACHE: math.inf},
        {CACHE: "1"},
        {peak_name(FP32, count): 1.0 for count in range(1, 80)},
    ],
)
def test_what_claims_to_be_anchors_is_looked_at(values: Any) -> None:
    assert not readable(values)


@pytest.mark.parametrize("text", ["", "much", "inf", "nan", "-1", "1e400"])
def test_a_forged_anchor_is_not_known(text: str) -> None:
    assert from_items((StackItem(CACHE, text),)) is None
    assert given_of(RawFile({"given": {"anchors": {CACHE: text}}}, {})).anchors is None
    assert given_of(RawFile({"given": {"anchors": {CACHE: 7}}}, {})).anchors is None
    assert given_of(RawFile({"given": {"anchors": [CACHE]}}, {})).anchors is None


def test_of_several_launches_the_most_counts() -> None:
    less, more = Anchors({CACHE: 1.0, peak_name(FP32, 1): 3.0}), Anchors({CACHE: 2.0})
    found = together((less, more))
    assert found is not None
    assert found.values == {CACHE: 2.0, peak_name(FP32, 1): 3.0}
    assert together(()) is None


def test_a_quiet_reading_makes_those_beside_it_lower_bounds_that_bind() -> None:
    loud = Anchors({FOREIGN: 80.0, READING: 1.0, CACHE: 5.0})
    quiet = Anchors({FOREIGN: 0.5, READING: 2.0, CACHE: 4.0})
    unknown = Anchors({CACHE: 9.0})
    assert (loud.is_quiet, quiet.is_quiet, unknown.is_quiet) == (False, True, False)
    assert (loud.is_unknown, unknown.is_unknown) == (False, True)
    both = together((loud, quiet))
    assert both is not None
    assert both.values == {FOREIGN: 0.5, READING: 2.0, CACHE: 5.0}


def test_anchors_are_no_part_of_a_fingerprint() -> None:
    plain = RuntimeDescription("onnxruntime", "1.31.1", kernel_modes=(StackItem("a", "exact"),))
    device = (StackItem("architecture", "x86_64"),)
    fast, slow = (
        replace(plain, anchors=as_items({peak_name(FP32, 1): amount})) for amount in (2e9, 1e9)
    )
    assert stack_of(device, fast) == stack_of(device, slow) == stack_of(device, plain)
    assert fingerprint(stack_of(device, fast)) == fingerprint(stack_of(device, slow))


def measured(
    rows: tuple[OperatorRow, ...],
    level_ns: float,
    anchors: dict[str, float] | None = VALUES,
    workload: Workload = PLAIN,
    readings: tuple[dict[str, float], ...] = (QUIET, QUIET, QUIET, AGAIN),
    again_ns: float = 0.0,
) -> MetricValue:
    """The median latency of a run: launches of this level, and a ledger of these rows.

    Each launch was given the anchors as `readings` say; the last one was at `again_ns`, if any.
    """

    raws = []
    for launch, reading in enumerate(readings):
        level_ns = again_ns or level_ns if launch == len(readings) - 1 else level_ns
        n = 1000
        noise = np.random.default_rng(launch).normal(0, 0.02, n)
        latency = np.maximum(1, level_ns * np.exp(noise)).astype(np.int64)
        block = np.arange(n) // 5
        starts = np.arange(block[-1] + 1) * 5_000_000
        ends = starts + np.bincount(block, weights=latency).astype(np.int64)
        around = conditions(starts.size, steal_ticks=0.0, psi_some_avg10=0.0, load_1m=0.0)
        warm = warmed(1)
        samples = AbsoluteSamples(latency, block, starts, around, warm, n, ends)
        raw = absolute_raw(
            origin(PassName.ABSOLUTE, RawRole.CANDIDATE, launch, workload=workload),
            samples,
            ColdStart(10, 2),
        )
        raw.meta.update(
            given_meta(launch, "", (), (), as_items({**anchors, **reading} if anchors else {}))
        )
        raws.append(raw)
    if rows:
        ledger = Ledger(samples=8, exposure="all", operators=rows)
        place = origin(PassName.NUMERICS, RawRole.BOTH, workload=workload)
        raws.append(numerics_raw(place, ledger))
    about = facts(workload=workload)
    return next(one for one in analyse(raws, about) if one.key == "latency_p50_ns")


def details(metric: MetricValue) -> dict[str, str]:
    return {item.name: item.value for item in metric.detail}


def test_operations_per_second_beyond_the_anchor_are_impossible() -> None:
    slow = measured((FLOATS,), 40_000)
    told = details(slow)
    assert IMPOSSIBLE not in slow.flags
    assert float(told["flops_per_s"]) == pytest.approx(50e9, rel=0.02)
    assert float(told["flops_anchor_per_s"]) == 100e9
    fast = measured((FLOATS,), 18_000)
    assert IMPOSSIBLE in fast.flags
    assert fast.value == pytest.approx(18_000, rel=0.01), "it is flagged and not dropped"
    assert float(details(fast)["flops_per_s"]) == pytest.approx(111e9, rel=0.02)
    assert IMPOSSIBLE not in measured((FLOATS,), 19_500).flags, "a little beyond is noise"


@pytest.mark.parametrize(
    ("readings", "again_ns", "flag"),
    [
        ((QUIET, QUIET, AGAIN), 0.0, IMPOSSIBLE),
        ((LOUD, LOUD, AGAIN), 0.0, IMPOSSIBLE),
        ((QUIET, QUIET, AGAIN), 40_000.0, ANOMALOUS),
        ((QUIET, QUIET, QUIET), 0.0, ANOMALOUS),
        (({}, {}, {}), 0.0, ANOMALOUS),
        ((LOUD, LOUD, LOUD), 0.0, None),
        ((LOUD, LOUD, LOUD_AGAIN), 0.0, None),
    ],
)
def test_only_what_survives_a_fresh_quiet_reading_is_impossible(
    readings: tuple[dict[str, float], ...], again_ns: float, flag: str | None
) -> None:
    found = measured((FLOATS,), 10_000, readings=readings, again_ns=again_ns)
    assert [one for one in (IMPOSSIBLE, ANOMALOUS) if one in found.flags] == (
        [flag] if flag else []
    )
    told = details(found)
    assert float(told["flops_per_s"]) > 1.05 * float(told["flops_anchor_per_s"])
    assert ("beyond_unchecked" in told) is (flag is None)


def test_an_honest_run_beside_anchors_that_were_read_under_load_is_not_flagged() -> None:
    """Readings of 103 GFLOP/s at enrolment, of 130 when nobody else computes; runs reach 120."""
    low, high = ({**VALUES, peak_name(FP32, 1): amount} for amount in (103e9, 130e9))
    for readings in ((LOUD,) * 3, (LOUD, LOUD, {**AGAIN, **high})):
        found = measured((FLOATS,), 16_600, low, readings=readings)
        assert not {IMPOSSIBLE, ANOMALOUS} & set(found.flags)


def test_integers_may_be_as_fast_as_the_faster_type() -> None:
    assert IMPOSSIBLE not in measured((INTEGERS,), 10_000).flags
    assert IMPOSSIBLE in measured((INTEGERS,), 4_000).flags
    assert IMPOSSIBLE not in measured((INTEGERS, FLOATS), 10_000).flags
    slower = {**VALUES, peak_name(INT8, 1): 50e9}
    assert IMPOSSIBLE not in measured((INTEGERS,), 21_000, slower).flags
    assert float(details(measured((INTEGERS,), 21_000, slower))["flops_anchor_per_s"]) == 100e9


def test_batch_and_threads_count() -> None:
    assert IMPOSSIBLE in measured((FLOATS,), 40_000, workload=Workload(batch=4)).flags
    assert IMPOSSIBLE not in measured((FLOATS,), 40_000, workload=Workload(batch=2)).flags
    assert IMPOSSIBLE not in measured((FLOATS,), 8_000, workload=Workload(threads=4)).flags


def test_weights_beyond_the_caches_come_from_memory() -> None:
    heavy = replace(FLOATS, macs=1000, weight_bytes=28 * MIB)
    shared = replace(heavy, name="again", weight_bytes=0)
    slow = measured((heavy, shared), 4e6)
    assert IMPOSSIBLE not in slow.flags
    assert float(details(slow)["bytes_per_s"]) == pytest.approx(20 * MIB / 4e-3, rel=0.02)
    assert float(details(slow)["bytes_anchor_per_s"]) == 10e9
    assert IMPOSSIBLE in measured((heavy, shared), 1.5e6).flags
    assert IMPOSSIBLE not in measured((heavy, shared), 1.5e6, workload=Workload(threads=4)).flags


def without(*names: str) -> dict[str, float]:
    return {name: value for name, value in VALUES.items() if name.partition(".")[0] not in names}


@pytest.mark.parametrize(
    ("rows", "anchors", "flops", "bytes_"),
    [
        ((FLOATS,), None, "hold no anchors", "hold no anchors"),
        ((), VALUES, "no overflow ledger", "no overflow ledger"),
        ((FLOATS,), without(FP32), "no anchor fp32_flops_per_s", "does not tell"),
        ((INTEGERS,), without(INT8), "no anchor int8_flops_per_s", "does not tell"),
        ((replace(FLOATS, activation_type="f16"),), VALUES, "no anchor fp16", "does not tell"),
        ((replace(FLOATS, activation_type="f8e4m3"),), VALUES, "no anchor fp8", "does not tell"),
        ((replace(FLOATS, macs=0, weight_bytes=MIB),), VALUES, "no product", "1.00 MiB of weights"),
        ((UPWARDS,), without(CACHE), "no product", "size of the caches"),
        ((HEAVY,), without(MEMORY, INT8), "no anchor int8", "no anchor memory_bytes_per_s"),
    ],
)
def test_what_cannot_be_checked_says_so(
    rows: tuple[OperatorRow, ...], anchors: dict[str, float] | None, flops: str, bytes_: str
) -> None:
    found = measured(rows, 10.0, anchors)
    told = details(found)
    assert flops in told["flops_unchecked"]
    assert bytes_ in told["bytes_unchecked"]
    assert "device" in told["device_time_unchecked"]
    assert "flops_per_s" not in told
    assert IMPOSSIBLE not in found.flags


def test_a_forged_latency_is_impossible() -> None:
    forged = measured((FLOATS,), 1.0)
    assert forged.value == 1.0
    assert IMPOSSIBLE in forged.flags
    told = details(forged)
    assert float(told["flops_per_s"]) > 1e14 > float(told["flops_anchor_per_s"])
    clean = replace(FLOATS, macs=1)
    assert IMPOSSIBLE not in measured((clean,), 1.0).flags, "it is the work that says so"


def test_ledgers_of_older_agents_are_read() -> None:
    heavy = replace(FLOATS, weight_bytes=MIB)
    raw = numerics_raw(
        origin(PassName.NUMERICS, RawRole.BOTH),
        Ledger(samples=1, exposure="all", operators=(heavy,)),
    )
    assert read_ledger(raw).operators == (heavy,)
    arrays = {name: one for name, one in raw.arrays.items() if name != "operator.weight_bytes"}
    assert read_ledger(RawFile(raw.meta, arrays)).operators == (FLOATS,)
