"""The ledger in a raw file: the round trip, and that nothing hostile gets through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.numerics.ledger import (
    BINS,
    Divergence,
    Histogram,
    Ledger,
    TensorRow,
    worst_operators,
    worst_tensors,
)
from bitgauge.benchmarks.raw.container import RawFile, read_raw, write_raw
from bitgauge.benchmarks.raw.numerics import numerics_raw, read_ledger
from bitgauge.benchmarks.raw.origin import raw_origin
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from tests.labs.record import ledger_rows
from tests.labs.values import origin

ORIGIN = origin(PassName.NUMERICS, RawRole.BOTH, recipe="int8-static-u8s8-pt")
HISTOGRAM = Histogram(-64.0, 4.0, tuple(range(BINS)))
QUANTIZED, CONV = ledger_rows("relu_QuantizeLinear_Output", HISTOGRAM)
PLAIN = TensorRow("x", "float32", "Softmax", 10, nan=1, inf=2, amax=3.0, headroom_log2=14.4)
QUIET = TensorRow("y", "uint8", "QuantizeLinear", 10, clip_hi=0.0, clip_lo=0.0, sqnr_db=40.0)
NOISY = replace(QUIET, name="z", sqnr_db=10.0)
MATMUL = replace(
    CONV,
    name="head",
    op_type="FusedConv",
    compute="float",
    fix="zero_point",
    macs=300,
    elements=0,
    errors0=0,
    errors1=0,
    explained1=0,
    pairs=0,
    saturated_pairs=0,
    emulated_errors1=0,
    unsafe_pair_share=None,
)
LEDGER = Ledger(
    samples=256,
    claims_integer=True,
    exposure="all",
    tensors=(PLAIN, QUIET, QUANTIZED, NOISY),
    operators=(MATMUL, CONV),
    output_sqnr_db=12.5,
    twin_elements=2560,
    twin_differing=7,
    twin_steps=1.5,
    divergences=(Divergence("relu", 3.0, None, "exact"), Divergence("x", 1.0, 9.0, "baseline")),
)


def raw() -> RawFile:
    return numerics_raw(ORIGIN, LEDGER)


def test_what_no_twin_was_held_against_says_nothing_of_one() -> None:
    alone = numerics_raw(ORIGIN, replace(LEDGER, twin_elements=0, twin_differing=0))
    assert not [name for name in alone.meta if name.startswith("twin")]
    assert read_ledger(alone).twin_elements == 0
    with pytest.raises(BadInput, match="more outputs differ"):
        read_ledger(RawFile({**raw().meta, "twin_differing": 9999}, raw().arrays))


def test_a_ledger_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "numerics.npz"
    write_raw(path, raw())
    again = read_raw(path)
    assert raw_origin(again) == ORIGIN
    assert read_ledger(again) == LEDGER


def test_an_empty_ledger_says_why() -> None:
    empty = Ledger(samples=0, why_not="The runtime cannot show its tensors.")
    assert read_ledger(numerics_raw(ORIGIN, empty)) == empty


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("tensor.name", None),
        ("tensor.name", np.array([1.0, 2.0, 3.0, 4.0])),
        ("tensor.name", np.array(["x" * 2000, "b", "c", "d"])),
        ("tensor.clip_hi", np.array([0.5])),
        ("tensor.clip_hi", np.array([2.0, 0, 0, 0])),
        ("tensor.clip_hi", np.array([-0.5, 0, 0, 0])),
        ("tensor.sqnr_db", np.array([np.inf, 0, 0, 0])),
        ("tensor.elements", np.array([-1, 1, 1, 1])),
        ("tensor.elements", np.array([1.0, 1, 1, 1])),
        ("tensor.nan", np.array([11, 0, 0, 0])),
        ("tensor.before.counts", np.zeros((4, 3), np.int64)),
        ("tensor.before.counts", np.full((4, BINS), -1)),
        ("tensor.before.width", np.array([1.0, 1, -4, 1])),
        ("tensor.before.low", np.array([1.0, 1, np.inf, 1])),
        ("operator.compute", np.array(["float", "magic"])),
        ("operator.fix", np.array(["magic", ""])),
        ("operator.errors1", np.array([0, 1300])),
        ("operator.saturated_pairs", np.array([1, 0])),
        ("operator.emulated_errors1", np.array([1, 0])),
        ("operator.worst_steps", np.array([np.nan, 0.0])),
        ("operator.unsafe_pair_share", np.array([7.0, 0.0])),
        ("operator.constant_weight", np.array([1, 0])),
    ],
)
def test_a_hostile_array_is_bad_raw(name: str, array: Any) -> None:
    good = raw()
    arrays = {key: value for key, value in good.arrays.items() if key != name}
    assert len(arrays) == len(good.arrays) - 1
    if array is not None:
        arrays[name] = array
    with pytest.raises(BadInput) as caught:
        read_ledger(RawFile(good.meta, arrays))
    assert caught.value.code is Code.BAD_RAW


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("samples", -1),
        ("samples", True),
        ("samples", None),
        ("claims_integer", "yes"),
        ("why_not", 7),
        ("why_not", "x" * 2000),
        ("exposure", "some"),
        ("output_sqnr_db", float("inf")),
        ("output_sqnr_db", "good"),
        ("divergences", {}),
        ("divergences", [1]),
        ("divergences", [{"tensor": "a"}]),
        ("divergences", [{"tensor": "a", "sqnr_db": 1, "before_db": None, "against": "luck"}]),
        ("divergences", [{"tensor": "a", "sqnr_db": None, "before_db": 1, "against": "exact"}]),
        ("divergences", [1, 2, 3]),
    ],
)
def test_hostile_metadata_are_bad_raw(key: str, value: Any) -> None:
    good = raw()
    for meta in ({**good.meta, key: value}, {k: v for k, v in good.meta.items() if k != key}):
        with pytest.raises(BadInput) as caught:
            read_ledger(RawFile(meta, good.arrays))
        assert caught.value.code is Code.BAD_RAW


def test_worst_comes_first() -> None:
    assert worst_tensors(LEDGER) == (PLAIN, QUANTIZED, NOISY, QUIET)
    assert worst_operators(LEDGER) == (CONV, MATMUL)


def test_operators_are_named_as_the_probe_names_them() -> None:
    assert LEDGER.executed == ("QLinearConv.u8s8.const",)
    dynamic = replace(CONV, op_type="QLinearMatMul", weight_type="u8", constant_weight=False)
    assert dynamic.kind == "QLinearMatMul.u8u8.dynamic"


def test_coverage_counts_multiplications() -> None:
    assert LEDGER.int_coverage == pytest.approx(0.25)
    assert Ledger(samples=1).int_coverage is None


def test_outputs_tell_the_kernel_mode() -> None:
    assert CONV.observed_mode == "sat16"
    assert replace(CONV, explained1=990).observed_mode == "other"
    assert replace(CONV, errors0=0, errors1=0, explained1=0).observed_mode == "exact"
    silent = replace(CONV, errors0=0, errors1=0, explained1=0, emulated_errors1=0)
    assert silent.observed_mode == ""
