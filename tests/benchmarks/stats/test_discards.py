"""Blocks go for a recorded external cause and for nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.samples import AbsoluteSamples, PairSamples, WarmUp
from bitgauge.benchmarks.stats.discards import (
    CAUSES,
    HEAT,
    blocks_with_cause,
    kept_blocks,
    kept_quads,
    together,
)

from tests.labs.conditions import conditions

WARM = WarmUp(np.ones(1), np.zeros(1, np.int64), (1, 1), 20, 1, True)
BLOCK_NS = 5_000_000


def at(blocks: int, value: float, *where: int, other: float = 0.0) -> np.ndarray:
    column = np.full(blocks, other)
    column[list(where)] = value
    return column


def absolute(**columns: np.ndarray) -> AbsoluteSamples:
    blocks = 20
    starts = np.arange(blocks) * 2 * BLOCK_NS
    latencies = np.arange(blocks * 5) + BLOCK_NS // 5
    block = np.repeat(np.arange(blocks), 5)
    around = conditions(blocks, **columns)
    return AbsoluteSamples(latencies, block, starts, around, WARM, blocks * 10, starts + BLOCK_NS)


def pair(**columns: np.ndarray) -> PairSamples:
    quads = 10
    blocks = 4 * quads
    return PairSamples(
        np.full(blocks, BLOCK_NS / 5),
        np.arange(blocks) * BLOCK_NS,
        np.full(blocks, 5),
        np.tile([0, 1, 1, 0], quads),
        np.arange(blocks) // 4,
        conditions(blocks, **columns),
        WARM,
        "budget",
    )


def test_nothing_known_discards_nothing() -> None:
    samples = absolute()
    kept = kept_blocks(samples)
    assert kept[0] is samples
    assert (kept[1].units, kept[1].of, kept[1].causes) == (0, 20, ())
    assert kept_quads(pair())[1].units == 0


@pytest.mark.parametrize(
    ("cause", "columns"),
    [
        ("clock", {"clock_mhz": at(20, 2000.0, 3, other=3000.0)}),
        ("throttle", {"throttle_count": at(20, 1.0, 3)}),
        ("thermal", {"thermal_status": at(20, 2.0, 3)}),
        ("steal", {"steal_ticks": at(20, 1.0, 3)}),
        ("clock_step", {"clock_step_ns": at(20, -3e9, 3)}),
        ("clock_step", {"clock_step_ns": at(20, np.inf, 3)}),
        ("throttle", {"thermal_slowdown_ns": at(20, 1.0, 3)}),
        ("power_limit", {"power_slowdown_ns": at(20, 1.0, 3)}),
        ("sync_boost", {"sync_slowdown_ns": at(20, 1.0, 3)}),
        ("power_limit", {"power_slowdown_ns": at(20, -9e9, 3)}),  # of another driver than before
    ],
)
def test_each_cause_takes_its_block_and_is_named(
    cause: str, columns: dict[str, np.ndarray]
) -> None:
    kept = kept_blocks(absolute(**columns))
    assert kept[1].causes == ((cause, 1),)
    assert kept[1].words() == f"{cause}:1"
    left = kept[0]
    assert left.block_start_ns.size == left.block_end_ns.size == 19
    assert left.conditions.clock_mhz.size == 19
    assert left.latency_ns.tolist() == [
        value for value in absolute().latency_ns.tolist() if not 15 <= value - BLOCK_NS // 5 < 20
    ]
    assert left.block.tolist() == np.repeat(np.arange(19), 5).tolist()
    assert left.count == 190  # of a reservoir its share goes


def test_a_slow_block_without_a_cause_stays() -> None:
    samples = absolute()
    samples.latency_ns[40:45] *= 100
    assert kept_blocks(samples)[0] is samples


def test_small_things_are_no_cause() -> None:
    quiet = {
        "clock_mhz": at(20, 2300.0, 3, other=3000.0),
        "throttle_count": np.zeros(20),
        "thermal_status": np.zeros(20),
        "steal_ticks": np.zeros(20),
        "clock_step_ns": at(20, 300_000.0, 3),
    }
    assert kept_blocks(absolute(**quiet))[1].units == 0
    # One tick of ten milliseconds in a block of three seconds is below half a per cent.
    long = np.full(1, 3e9)
    found = blocks_with_cause(conditions(1, steal_ticks=np.ones(1)), long, np.zeros(1, np.int64))
    assert not found["steal"].any()


def test_the_nominal_clock_is_the_measure_where_it_is_known() -> None:
    slow = {"clock_mhz": np.full(20, 1500.0)}
    assert kept_blocks(absolute(**slow))[1].units == 0
    assert kept_blocks(absolute(**slow), nominal_mhz=2400.0)[1].invalid


def test_of_a_pair_the_whole_quad_goes() -> None:
    kept = kept_quads(pair(steal_ticks=at(40, 1.0, 5, 6, 30)))
    assert (kept[1].units, kept[1].of) == (2, 10)
    assert not kept[1].invalid  # exactly a fifth
    assert kept[0].letter.tolist() == [0, 1, 1, 0] * 8
    assert kept[0].quad.tolist() == np.repeat(np.arange(8), 4).tolist()
    assert kept[0].start_ns.size == kept[0].conditions.steal_ticks.size == 32
    assert kept_quads(pair(steal_ticks=at(40, 1.0, 5, 20, 30)))[1].invalid


def test_a_start_before_its_predecessor_is_a_clock_step() -> None:
    samples = absolute()
    starts = samples.block_start_ns.copy()
    starts[7:] -= 20 * BLOCK_NS
    ends = starts + BLOCK_NS
    kept = kept_blocks(replace(samples, block_start_ns=starts, block_end_ns=ends))
    assert kept[1].causes == (("clock_step", 1),)


def test_what_a_sustained_load_brings_about_can_stay() -> None:
    samples = absolute(throttle_count=np.ones(20), steal_ticks=at(20, 1.0, 0))
    assert kept_blocks(samples)[1].units == 20
    kept = kept_blocks(samples, causes=[cause for cause in CAUSES if cause not in HEAT])
    assert kept[1].causes == (("steal", 1),)


def test_launches_add_up() -> None:
    parts = [
        kept_blocks(absolute(steal_ticks=at(20, 1.0, 1, 2), throttle_count=at(20, 1.0, 2))),
        kept_blocks(absolute(steal_ticks=at(20, 1.0, 4))),
    ]
    total = together([discarded for _, discarded in parts])
    assert (total.units, total.of) == (3, 40)
    assert total.causes == (("throttle", 1), ("steal", 3))
    assert total.has("steal")
    assert not total.has("clock")
