"""What a tally says of tensors whose losses are known beforehand."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from bitgauge.benchmarks.numerics.graph import Codes, GraphFacts
from bitgauge.benchmarks.numerics.ledger import BINS
from bitgauge.benchmarks.numerics.ledger_builder import LedgerBuilder
from bitgauge.benchmarks.numerics.quantizing import FLOAT8
from bitgauge.benchmarks.numerics.tensor_tally import TensorTally, sqnr_db
from hypothesis import given, settings
from hypothesis import strategies as st

OTHER_NAMES = {"e4m3": "e4m3fn", "e5m2": "e5m2"}


def quantized(x: np.ndarray, scale: float, zero: int) -> np.ndarray:
    codes: np.ndarray = np.clip(np.rint(x / np.float32(scale)) + zero, 0, 255)
    return codes.astype(np.uint8)


def tally_of(x: np.ndarray, scale: float, zero: int, calls: int = 1) -> TensorTally:
    tally = TensorTally("t", "uint8", "QuantizeLinear", calls)
    for part in np.array_split(x, calls):
        codes = quantized(part, scale, zero)
        tally.add_codes(codes, scale, zero)
        tally.add_real(part, codes)
    return tally


def test_clipping_is_counted_on_both_sides() -> None:
    x = np.array([[-2.0, -1.28, 0.0, 1.27], [1.28, 5.0, 0.004, 0.0]], np.float32)
    row = tally_of(x, 0.01, 128).row()
    assert row.clip_lo == pytest.approx(1 / 8)
    assert row.clip_hi == pytest.approx(2 / 8)
    assert row.clip_mass == pytest.approx((0.72 + 0.01 + 3.73) / float(np.abs(x).sum()), rel=1e-5)
    assert row.clip_depth == pytest.approx(np.quantile([72, 1, 373], 0.99))
    assert row.underflow == pytest.approx(1 / 8)
    assert row.range_util == 1.0
    assert row.rail_rate == pytest.approx(5 / 8)


def test_the_zeros_of_a_relu_are_no_clips() -> None:
    x = np.array([[-3.0, -1.0, 0.5, 1.0]], np.float32)
    row = tally_of(x, 0.01, 0).row()
    assert (row.clip_lo, row.clip_hi, row.clip_mass) == (0.0, 0.0, 0.0)
    assert row.rail_rate == 0.0


def test_rounding_alone_is_the_known_noise() -> None:
    """RMSE / step of rounding is 1 / sqrt(12) = 0.289."""
    x = np.random.default_rng(0).uniform(-1.2, 1.2, (64, 1000)).astype(np.float32)
    row = tally_of(x, 0.01, 128).row()
    assert row.sqnr_db is not None
    rmse = math.sqrt(float(np.square(x).mean()) / 10 ** (row.sqnr_db / 10))
    assert rmse / 0.01 == pytest.approx(0.289, rel=0.02)


@given(st.integers(1, 7))
@settings(max_examples=7, deadline=None)
def test_calls_add_up(calls: int) -> None:
    x = np.random.default_rng(calls).normal(0, 1, (56, 40)).astype(np.float32)
    whole, parts = tally_of(x, 0.01, 100).row(), tally_of(x, 0.01, 100, calls).row()
    for name in ("elements", "clip_hi", "clip_lo", "rail_rate", "underflow", "amax", "after"):
        assert getattr(parts, name) == getattr(whole, name)
    assert parts.before == whole.before
    assert parts.sqnr_db == pytest.approx(whole.sqnr_db)


def test_histograms_hold_every_value() -> None:
    x = np.random.default_rng(1).normal(0, 3, (10, 300)).astype(np.float32)
    row = tally_of(x, 0.01, 128).row()
    assert row.before is not None
    assert row.after is not None
    assert sum(row.before.counts) == sum(row.after.counts) == x.size
    assert row.before.counts[0] > row.after.counts[0] == 0
    assert len(row.before.counts) == BINS


def test_floats_that_are_not_finite_are_counted_and_left_out() -> None:
    x = np.array([[1.0, np.nan, np.inf, -np.inf, 2.0]], np.float32)
    tally = TensorTally("t", "float32", "Add")
    tally.add_floats(x)
    row = tally.row()
    assert (row.nan, row.inf, row.elements, row.amax) == (1, 2, 5, 2.0)
    assert row.headroom_log2 == pytest.approx(math.log2(65504 / 2))


def test_values_that_are_not_finite_do_not_stop_a_quantized_tally() -> None:
    tally = TensorTally("t", "uint8", "QuantizeLinear")
    codes = np.array([[0, 5, 255]], np.uint8)
    tally.add_codes(codes, 0.1, 0)
    tally.add_real(np.array([[np.nan, 0.5, np.inf]], np.float32), codes)
    row = tally.row()
    assert (row.elements, row.clip_hi) == (3, 0.0)
    assert row.before is not None
    assert sum(row.before.counts) == 1


def test_half_precision_limits() -> None:
    tally = TensorTally("t", "float32", "Add")
    tally.add_floats(np.array([[131008.0, 2.0**-15, 2.0**-14, 0.0]], np.float32))
    row = tally.row()
    assert row.headroom_log2 == pytest.approx(-1)
    assert row.fp16_subnormal == pytest.approx(1 / 4)


def test_outliers_and_channels() -> None:
    x = np.random.default_rng(2).uniform(-1, 1, (500, 8)).astype(np.float32)
    x[:, 3] *= 10
    x[0, 3] = 1000
    tally = TensorTally("t", "float32", "Add")
    tally.add_floats(x)
    row = tally.row()
    assert row.outlier_ratio is not None
    assert row.outlier_ratio > 50
    assert row.channel_spread == pytest.approx(1000, rel=0.01)


def test_a_scale_that_is_computed_shows_its_drift() -> None:
    tally = TensorTally("t", "uint8", "DynamicQuantizeLinear")
    for scale in (0.1, 0.3, 0.2):
        tally.add_codes(np.array([[1, 2, 3]], np.uint8), scale, 0, dynamic=True)
    row = tally.row()
    assert (row.scale, row.scale_low, row.scale_high) == (None, 0.1, 0.3)


@pytest.mark.parametrize(("signal", "noise"), [(0.0, 1.0), (1.0, 0.0), (math.inf, 1.0)])
def test_no_ratio_without_signal_and_noise(signal: float, noise: float) -> None:
    assert sqnr_db(signal, noise) is None


@pytest.mark.parametrize("name", FLOAT8)
def test_floats_of_8_bits_are_what_they_are_elsewhere_and_lose_what_they_cannot_hold(
    name: str,
) -> None:
    kind = FLOAT8[name]
    told = np.arange(256, dtype=np.uint8).view(getattr(ml_dtypes, f"float8_{OTHER_NAMES[name]}"))
    assert np.array_equal(kind.numbers, told.astype(np.float32), equal_nan=True)
    finite = np.abs(kind.numbers[np.isfinite(kind.numbers)])
    assert kind.largest == finite.max()
    scale, tiny = 0.5, float(finite[finite > 0].min())
    real = np.array([[1.0, kind.reach * scale, -2 * kind.largest * scale, tiny * scale / 4, 0.0]])
    held = np.clip(real / scale, -kind.largest, kind.largest).astype(told.dtype)
    observed = {
        "x": real.astype(np.float32),
        "q": held.view(np.uint8),
        "scale": np.array(scale, np.float32),
    }
    how = Codes("scale", "", "x", float8=name)
    made = {"q": "QuantizeLinear"}
    facts = GraphFacts((), made, frozenset(), {"q": how}, {}, False, False, (), {})
    builder = LedgerBuilder(facts, 1)
    builder.add({name: np.asarray(one) for name, one in observed.items()}, 1, 1)
    (row,) = builder.ledger("all").tensors
    assert (row.clip_hi, row.clip_lo, row.underflow) == (0, 1 / 5, 1 / 5)
    assert row.dtype == f"float8_{name}"
    assert row.amax == kind.largest * scale
