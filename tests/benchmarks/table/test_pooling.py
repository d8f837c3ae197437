"""Figures of many units become one: every model alike, spreads told, no width that is none."""

import math

import numpy as np
import pytest
from bitgauge.benchmarks.table.pooling import UnitValue, pass_rate, pool, wilson


def test_wilson_agrees_with_published_values() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 15/148 and 0/20.
    low, high = wilson(15, 148) or (0.0, 0.0)
    assert (round(low, 4), round(high, 4)) == (0.0624, 0.1605)
    low, high = wilson(0, 20) or (1.0, 1.0)
    assert (round(low, 4), round(high, 4)) == (0.0, 0.1611)
    assert wilson(0, 0) is None
    assert pass_rate(["passed", "failed", "manual_review"]).undecided == 1


def test_one_unit_keeps_its_own_interval() -> None:
    pooled = pool("latency_ratio", [UnitValue("m", "d", 0.5, 0.45, 0.55)])
    assert pooled.value == pytest.approx(0.5)
    # Symmetric on the log scale, as wide as its own.
    assert pooled.low is not None
    assert pooled.high is not None
    assert math.log(pooled.high / pooled.low) == pytest.approx(math.log(0.55 / 0.45))
    assert (pooled.between_models, pooled.between_devices) == (None, None)


def test_a_ratio_and_its_reciprocal_say_the_same() -> None:
    units = [UnitValue("m", "d", 0.5, 0.4, 0.6), UnitValue("n", "d", 0.8, 0.7, 0.9)]
    turned = [UnitValue(one.model, one.device, 1 / one.value) for one in units]
    straight, inverse = pool("latency_ratio", units), pool("latency_ratio", turned)
    assert straight.value == pytest.approx(1 / (inverse.value or 1))


def test_every_model_counts_alike() -> None:
    units = [UnitValue("m", f"d{i}", 0.5) for i in range(9)] + [UnitValue("n", "d0", 2.0)]
    assert pool("latency_ratio", units).value == pytest.approx(1.0)


def test_spreads_are_found_and_noise_is_taken_out() -> None:
    rng = np.random.default_rng(20261121)
    found = []
    for _ in range(60):
        model_effects = rng.normal(0, 0.20, 12)
        device_effects = rng.normal(0, 0.05, (12, 6))
        units = []
        for m in range(12):
            for d in range(6):
                log = -0.7 + model_effects[m] + device_effects[m, d] + rng.normal(0, 0.02)
                half = 1.96 * 0.02
                units.append(
                    UnitValue(
                        f"m{m}", f"d{d}", math.exp(log), math.exp(log - half), math.exp(log + half)
                    )
                )
        found.append(pool("latency_ratio", units))
    models = np.mean([math.log1p(one.between_models or 0) ** 2 for one in found]) ** 0.5
    devices = np.mean([math.log1p(one.between_devices or 0) ** 2 for one in found]) ** 0.5
    assert models == pytest.approx(0.20, rel=0.12)
    assert devices == pytest.approx(0.05, rel=0.12)
    covered = sum((one.low or 0) <= math.exp(-0.7) <= (one.high or 0) for one in found)
    # 57 of 60 are expected; binom.ppf(0.001, 60, 0.95) is 51.
    assert covered >= 51


def test_without_any_true_spread_none_is_claimed() -> None:
    rng = np.random.default_rng(7)
    spreads = []
    for _ in range(100):
        logs = rng.normal(-0.5, 0.03, 8)
        units = [
            UnitValue(
                f"m{i}", "d", math.exp(x), math.exp(x - 1.96 * 0.03), math.exp(x + 1.96 * 0.03)
            )
            for i, x in enumerate(logs)
        ]
        spreads.append(pool("latency_ratio", units).between_models or 0.0)
    assert np.median(spreads) < 0.01


def test_points_are_pooled_as_points_and_the_worst_is_the_lowest() -> None:
    units = [UnitValue("m", "d", -1.0, -1.5, -0.5), UnitValue("n", "d", 0.0, -0.5, 0.5)]
    pooled = pool("accuracy_delta_pp", units)
    assert (pooled.value, pooled.worst) == (-0.5, -1.0)
