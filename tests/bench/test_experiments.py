"""The experiments X6 to X10, X12 and X13 of the measurement's specification, as tests.

What saturates is asked of the probe. Where this machine's kernels are exact, the same tests run
on a host whose kernels are the emulator's, and it must be reported there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.numerics.kernel_check import check, emulate
from bitgauge.benchmarks.numerics.ledger import FLOAT, INTEGER, Ledger, OperatorRow
from bitgauge.benchmarks.numerics.onnx_graph import exposable, exposed, read_graph
from bitgauge.benchmarks.numerics.shown import bit_equal

from tests.labs.integer import Case, facts, model, returned
from tests.labs.qdq import Qdq, build
from tests.labs.sat16 import measured, saturating_host


def ledger_of(what: Qdq, folder: Path) -> Ledger:
    """The ledger of one QDQ model on a saturating host."""
    path = folder / "model.onnx"
    evaluation = build(what, path)
    runtime, _ = saturating_host()
    _, ledger = measured(runtime, [path], evaluation, folder)
    assert ledger.why_not == ""
    assert ledger.exposure == "all"
    return ledger


def only(ledger: Ledger) -> OperatorRow:
    (row,) = ledger.operators
    return row


@pytest.mark.parametrize(
    ("activation", "weight", "a", "b"),
    [("u8", "s8", 255, 127), ("u8", "s8", 255, 64), ("u8", "u8", 255, 255), ("s8", "s8", 127, 127)],
)
def test_x6_two_products(activation: str, weight: str, a: int, b: int) -> None:
    """255 * 127 twice is 64,770; where the probe says `sat16` the kernel returns 32,767."""
    case = Case("MatMulInteger", activation, weight, (1, 2), (2, 1))
    encoded, feeds = model(case)
    graph = facts(encoded)
    zero = int(graph.constants["a_zero"]), int(graph.constants["b_zero"][()])
    decoded = onnx.load_model_from_string(encoded)
    kind = np.uint8 if weight == "u8" else np.int8
    for tensor in decoded.graph.initializer:
        if tensor.name == "b":
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full((2, 1), b, kind), "b"))
        if tensor.name.endswith("_zero"):
            array = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros_like(array), tensor.name))
    assert zero  # the lab's zero points are taken out: the product stands alone
    feeds["a"] = np.full((1, 2), a, feeds["a"].dtype)
    (y,) = returned(decoded.SerializeToString(), feeds)
    mode = ort.probe_kernels()[f"MatMulInteger.{activation}{weight}.const"]
    exact = 2 * a * b
    assert int(y[0, 0]) == (min(exact, 32_767) if mode == "sat16" else exact)


def test_x7_few_saturated_pairs_spoil_many_outputs() -> None:
    """A rate of some thousandths makes a fifth and more of the outputs wrong."""
    case = Case("QLinearMatMul", "u8", "s8", (256, 768), (768, 64))
    encoded, feeds = model(case)
    graph = facts(encoded)
    rng = np.random.default_rng(0)
    normal = np.clip(rng.normal(0, 40, case.b).round(), -127, 127).astype(np.int8)
    (operator,) = graph.operators
    assert operator.integer is not None
    values = {**graph.constants, **feeds, "b": normal, "y": returned(encoded, feeds)[0]}
    values["y"] = emulate(operator.integer, values)
    counts = check(operator.integer, values, 10**12).counts
    assert counts.saturated_pairs / counts.pairs < 0.01
    assert counts.errors0 / counts.elements > 0.2
    assert counts.explained1 == counts.errors1


@pytest.mark.parametrize("activation", ["s8", "u8"])
def test_x8_the_default_recipe_saturates_unless_weights_have_seven_bits(
    activation: str, tmp_path: Path
) -> None:
    row = only(ledger_of(Qdq(activation=activation), tmp_path))
    assert row.compute == INTEGER
    if row.kind != "QLinearMatMul.u8s8.const":
        pytest.skip("signed activations stay signed on this processor")
    assert row.error_rate > 0.1
    assert row.explained1 >= 0.999 * row.errors1
    assert row.fix == "seven_bit_weights"
    safe = only(ledger_of(Qdq(activation=activation, seven_bits=True), tmp_path))
    assert (safe.errors1, safe.unsafe_pair_share) == (0, 0.0)


def test_x9_without_optimisation_there_is_nothing_to_see(tmp_path: Path) -> None:
    """Unoptimised, a QDQ model computes in floating point; in QOperator format it does not."""
    path = tmp_path / "model.onnx"
    build(Qdq(), path)
    unoptimised = read_graph(onnx.load(str(path)))
    assert [one.compute for one in unoptimised.operators] == [FLOAT]
    encoded, _ = model(Case("QLinearMatMul", "u8", "s8", (40, 64), (64, 50)))
    assert [one.compute for one in facts(encoded).operators] == [INTEGER]


def test_x10_only_the_executed_graph_may_be_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    evaluation = build(Qdq(), path)
    feeds = {"x": evaluation.inputs["x"]}
    opened = ort.open_saved(path, SessionOptions(), tmp_path)
    wanted = opened.session.run(feeds)
    executed = onnx.load_model_from_string(opened.graph)
    inside = exposed(executed, exposable(read_graph(executed)))
    assert bit_equal(opened.plain(inside).run(feeds)[0], wanted[0])

    original = tmp_path / "exposed.onnx"
    original.write_bytes(exposed(onnx.load(str(path)), ("product",)))
    changed = ort.open_saved(original, SessionOptions(), tmp_path)
    computes = [
        [one.compute for one in read_graph(onnx.load_model_from_string(graph)).operators]
        for graph in (opened.graph, changed.graph)
    ]
    assert computes == [[INTEGER], [FLOAT]]


def test_x10_a_product_before_a_relu_ran_in_floating_point(tmp_path: Path) -> None:
    ledger = ledger_of(Qdq(relu=True, symmetric=True), tmp_path)
    assert only(ledger).compute == FLOAT
    assert only(ledger).fix == "zero_point"
    assert ledger.int_coverage == 0.0


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(
    ("activation", "weight", "wrong"),
    [("u8", "s8", True), ("s8", "s8", True), ("u8", "u8", False)],
)
def test_x12_convolutions(
    activation: str, weight: str, wrong: bool, per_channel: bool, tmp_path: Path
) -> None:
    what = Qdq("Conv", activation, weight, per_channel=per_channel)
    row = only(ledger_of(what, tmp_path))
    assert row.op_type == "QLinearConv"
    if activation == "s8" and row.activation_type != "u8":
        pytest.skip("signed activations stay signed on this processor")
    assert (row.error_rate > 0.1) == wrong
    assert row.explained1 >= 0.999 * row.errors1
    if not wrong:
        assert row.errors1 == 0


def test_x13_a_zero_point_away_from_the_lowest_code_costs_the_integer_kernel(
    tmp_path: Path,
) -> None:
    asymmetric = only(ledger_of(Qdq("Conv", relu=True), tmp_path))
    assert (asymmetric.op_type, asymmetric.compute) == ("QLinearConv", INTEGER)
    assert asymmetric.errors1 > 0
    symmetric = only(ledger_of(Qdq("Conv", relu=True, symmetric=True), tmp_path))
    assert (symmetric.op_type, symmetric.compute) == ("FusedConv", FLOAT)
    assert symmetric.fix == "zero_point"


def test_an_unquantized_output_is_named_with_its_fix(tmp_path: Path) -> None:
    row = only(ledger_of(Qdq("Conv", quantize_output=False), tmp_path))
    assert (row.compute, row.fix) == (FLOAT, "quantize_output")
