"""From the probe map of a stack and the operators of a run to the run's kernel mode."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.analysis.numerics import numerics
from bitgauge.benchmarks.numerics.ledger import Ledger, OperatorRow
from bitgauge.benchmarks.raw.numerics import numerics_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.reasons import NO_INTEGER_OPERATORS, NOT_PROBED
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.benchmarks.raw.test_numerics import CONV, ORIGIN
from tests.labs.values import detail, facts

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
