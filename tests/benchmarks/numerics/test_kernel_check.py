"""Integer operators computed again, against this machine's own kernels and the emulator.

What the kernels here do is asked of their outputs: they are exact, or they are what the emulator
says, never anything else. Where they are exact, the emulator stands in for the device.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.numerics.integer_operator import spread
from bitgauge.benchmarks.numerics.kernel_check import KernelCounts, check, emulate, unsafe_share
from bitgauge.benchmarks.numerics.ledger import OperatorRow
from bitgauge.benchmarks.numerics.quantizing import quantize_dynamically

from tests.labs.integer import Case, cases, facts, model, returned

PLENTY = 10**12


def mode(counts: KernelCounts) -> str:
    """What the outputs say, as the ledger reads it."""
    row = OperatorRow("n", "o", "integer", "u8", "s8", True, 1, 1, "y")
    return replace(
        row,
        elements=counts.elements,
        errors0=counts.errors0,
        errors1=counts.errors1,
        explained1=counts.explained1,
        emulated_errors1=counts.emulated_errors1,
    ).observed_mode


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_kernels_are_exact_or_as_emulated(case: Case) -> None:
    encoded, feeds = model(case)
    (operator,) = facts(encoded).operators
    assert operator.integer is not None
    values = {**facts(encoded).constants, **feeds, "y": returned(encoded, feeds)[0]}
    found = check(operator.integer, values, PLENTY).counts
    assert found.elements == values["y"].size
    assert mode(found) in ("", "exact", "sat16")
    assert found.explained1 >= 0.999 * found.errors1
    if mode(found) != "sat16":
        assert found.errors0 == 0

    injected = values | {"y": emulate(operator.integer, values)}
    saturating = check(operator.integer, injected, PLENTY).counts
    assert saturating.errors1 == saturating.explained1 == found.emulated_errors1
    assert bool(saturating.saturated_pairs) == bool(saturating.errors1)
    pairing = (case.activation, case.weight) == ("u8", "s8") and case.op_type != "ConvInteger"
    depthwise = case.op_type == "QLinearConv" and case.b[:2] == (32, 1) and case.a[1] == 32
    assert bool(saturating.errors1) == (pairing and not depthwise)
    share = unsafe_share(operator.integer, values)
    assert (share or 0) > 0 if saturating.errors1 else not share


def test_many_errors_are_all_explained() -> None:
    """At least 1,000 errors, of which the emulator explains at least 99.9 %."""
    encoded, feeds = model(Case("QLinearMatMul", "u8", "s8", (64, 256), (256, 128)))
    graph = facts(encoded)
    (operator,) = graph.operators
    assert operator.integer is not None
    values = {**graph.constants, **feeds, "y": returned(encoded, feeds)[0]}
    device = check(operator.integer, values, PLENTY).counts
    values["y"] = values["y"] if device.errors1 else emulate(operator.integer, values)
    counts = check(operator.integer, values, PLENTY).counts
    assert counts.errors1 >= 1000
    assert counts.explained1 >= 0.999 * counts.errors1
    assert counts.noise > 3 * counts.ideal_noise


def test_a_kernel_that_does_something_else_is_not_explained() -> None:
    encoded, feeds = model(Case("QLinearMatMul", "u8", "s8", (40, 64), (64, 50)))
    graph = facts(encoded)
    (operator,) = graph.operators
    assert operator.integer is not None
    values = {**graph.constants, **feeds, "y": returned(encoded, feeds)[0]}
    values["y"] = np.where(values["y"] > 100, values["y"] - 9, values["y"]).astype(np.uint8)
    assert mode(check(operator.integer, values, PLENTY).counts) == "other"


def test_work_is_bounded() -> None:
    encoded, feeds = model(Case("QLinearMatMul", "u8", "s8", (5000, 64), (64, 50)))
    graph = facts(encoded)
    (operator,) = graph.operators
    assert operator.integer is not None
    values = {**graph.constants, **feeds, "y": returned(encoded, feeds)[0]}
    part = check(operator.integer, values, 64 * 50 * 100).counts
    whole = check(operator.integer, values, PLENTY).counts
    assert part.elements == 100 * 50
    assert whole.elements == 5000 * 50
    rate = part.saturated_pairs / part.pairs
    assert rate == pytest.approx(whole.saturated_pairs / whole.pairs, rel=0.2)


def test_rows_are_spread_over_all_columns_of_an_image() -> None:
    places = spread(64 * 8 * 8, 512)
    assert np.unique(places).size == 512
    assert np.all(np.bincount(places % 8, minlength=8) > 40)
    assert np.all(np.bincount(places // 64, minlength=64) > 2)


def test_dynamic_quantization_is_the_standard_one() -> None:
    rng = np.random.default_rng(1)
    from onnx import TensorProto, helper

    for low, high in ((-1, 1), (0, 3), (-4, 0), (2, 5), (0, 0)):
        x = rng.uniform(low, high, (7, 9)).astype(np.float32)
        node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"])
        outputs = [
            helper.make_tensor_value_info(name, kind, None)
            for name, kind in (
                ("y", TensorProto.UINT8),
                ("s", TensorProto.FLOAT),
                ("z", TensorProto.UINT8),
            )
        ]
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [7, 9])]
        graph = helper.make_graph([node], "g", inputs, outputs)
        opsets = [helper.make_opsetid("", 13)]
        encoded = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        codes, scale, zero = quantize_dynamically(x)
        expected = returned(encoded.SerializeToString(), {"x": x})
        assert np.array_equal(codes, expected[0])
        assert scale == expected[1]
        assert zero == expected[2]
