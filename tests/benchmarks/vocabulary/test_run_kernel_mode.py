"""From the probe map of a stack and the operators of a run to the run's kernel mode."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.analysis.numerics import numerics
from bitgauge.benchmarks.numerics.ledger import Ledger, OperatorRow
from bitgauge.benchmarks.raw.numerics import numerics_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.reasons import (
    NO_INTEGER_OPERATORS,
    NO_KERNEL,
    NOT_PROBED,
    WIDENED,
    WRONG_KERNEL,
)
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.benchmarks.raw.test_numerics import CONV, ORIGIN
from tests.labs.rooms.raw_files import FACTS, by_key, everything
from tests.labs.values import detail, facts, origin

# Nothing in its outputs tells: no pair saturates with these activations.
QUIET = replace(CONV, saturated_pairs=0, errors0=0, errors1=0, explained1=0, emulated_errors1=0)
PRODUCT = replace(QUIET, name="dense", op_type="MatMulInteger", weight_type="u8")
MAP = {"QLinearConv.u8s8.const": "sat16", "MatMulInteger.u8u8.const": "exact"}


def saturated(operators: tuple[OperatorRow, ...], modes: dict[str, str]) -> MetricValue:
    items = tuple(StackItem(name, mode) for name, mode in modes.items())
    raw = numerics_raw(ORIGIN, Ledger(8, claims_integer=True, operators=operators))
    return numerics({(PassName.NUMERICS, RawRole.BOTH): (raw,)}, facts(kernel_modes=items))[0]


@pytest.mark.parametrize(
    ("operators", "modes", "expected"),
    [
        ((PRODUCT,), MAP, "exact"),
        ((QUIET, PRODUCT), MAP, "sat16"),
        ((QUIET,), dict.fromkeys(MAP, "exact"), "exact"),
        ((PRODUCT,), {"QGemm.u8s8.const": "exact"}, "unknown"),
    ],
)
def test_a_run_has_the_worst_mode_of_what_it_executed(
    operators: tuple[OperatorRow, ...], modes: dict[str, str], expected: str
) -> None:
    told = detail(saturated(operators, modes))
    assert told["kernel_mode"] == expected
    assert "kernel_mode_why" not in told


def test_a_device_that_was_not_probed_gives_no_mode_and_says_why() -> None:
    told = detail(saturated((QUIET, PRODUCT), {}))
    assert "kernel_mode" not in told
    assert told["kernel_mode_why"] == NOT_PROBED


def test_integers_that_ran_as_floats_have_no_saturation_and_the_mode_float() -> None:
    metric = saturated((replace(QUIET, compute="float", elements=0),), MAP)
    assert (metric.value, metric.reason) == (None, NO_INTEGER_OPERATORS)
    assert detail(metric)["kernel_mode"] == "float"


@pytest.mark.parametrize("mode", ["inexact", "wrap16"])
def test_a_kernel_that_answered_the_probe_with_something_else_is_flagged(mode: str) -> None:
    """But for one whose outputs were computed again and found right: the probe is no better."""
    wrong = dict.fromkeys(MAP, mode)
    right, unseen = replace(QUIET, elements=90), replace(PRODUCT, elements=0)
    metric = saturated((right, unseen), wrong)
    assert metric.flags == (WRONG_KERNEL,)
    assert detail(metric)["wrong_kernels"] == "dense"
    assert saturated((right,), wrong).flags == ()
    off = replace(right, errors0=5, errors1=5)
    assert WRONG_KERNEL in saturated((off,), wrong).flags


@pytest.mark.parametrize("recipe", ["fp16", "bf16", "int8-dynamic"])
@pytest.mark.parametrize("held", ["f32", "f16"])
def test_sixteen_bits_that_are_multiplied_as_float32_say_so(recipe: str, held: str) -> None:
    row = replace(PRODUCT, compute="float", activation_type=held, weight_type=held, elements=0)
    numbers = origin(PassName.NUMERICS, RawRole.BOTH)
    raws = [*everything(), numerics_raw(numbers, Ledger(8, operators=(row,)))]
    metric = by_key(raws, replace(FACTS, recipe=recipe))["latency_ratio"]
    assert metric.value is not None
    assert (WIDENED in metric.flags) == (held == "f32" and recipe != "int8-dynamic")


@pytest.mark.parametrize(
    ("modes", "reason"),
    [
        ({"QDQMatMul.f8e4m3.const": "unsupported", "QDQConv.f8e4m3.const": "float"}, NO_KERNEL),
        ({"QDQMatMul.f8e4m3.const": "exact", "QDQConv.f8e4m3.const": "float"}, None),
        ({"Cast.f32f8e4m3.plain": "fp8_nan"}, None),
    ],
)
@pytest.mark.parametrize("recipe", ["fp8-static-e4m3-pt", "int8-dynamic"])
def test_floats_of_8_bits_without_a_kernel_have_no_time_of_their_own(
    modes: dict[str, str], reason: str | None, recipe: str
) -> None:
    items = tuple(StackItem(name, mode) for name, mode in modes.items())
    found = by_key(everything(), replace(FACTS, recipe=recipe, kernel_modes=items))
    wanted = reason if recipe.startswith("fp8") else None
    for key in ("latency_ratio", "latency_p50_ns", "peak_memory_bytes"):
        assert (found[key].reason, found[key].value is None) == (wanted, wanted is not None)
    assert found["accuracy_delta_pp"].verdict == "PASS"
