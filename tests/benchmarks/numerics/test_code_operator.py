"""Integer operators that multiply no matrices: computed again, or named as not recomputed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.benchmarks.analysis.numerics import numerics
from bitgauge.benchmarks.numerics.code_operator import check_codes
from bitgauge.benchmarks.numerics.ledger import ELEMENTWISE
from bitgauge.benchmarks.numerics.onnx_operators import FUNCTIONS
from bitgauge.benchmarks.quality.sets import EvaluationSet
from bitgauge.benchmarks.record.explain.explain import ExplainedRun, explain
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from onnx import TensorProto, helper, numpy_helper

from tests.labs import values
from tests.labs.integer import TYPES, encoded, facts, returned
from tests.labs.sat16 import measured

Array = npt.NDArray[Any]
SHAPE = (2, 5, 6, 7)
SCALES = {"as": 0.04, "bs": 0.02}


def model(op_type: str, kind: str) -> tuple[bytes, dict[str, Array]]:
    """A model of one such operator on the whole range of codes, and inputs for it."""
    rng = np.random.default_rng(7)
    dtype, onnx_type = TYPES[kind]
    info = np.iinfo(dtype)
    middle = (int(info.min) + int(info.max) + 1) // 2
    two = op_type in ("QLinearAdd", "QLinearMul", "QLinearConcat")
    names = ["a", "as", "az"] + (["b", "bs", "bz"] if two else [])
    wide = {"QLinearMul": 0.09, "QLinearSigmoid": 1 / 256, "QLinearSoftmax": 1 / 256}.get(
        op_type, 0.03
    )
    constants: dict[str, Array] = {name: np.float32(scale) for name, scale in SCALES.items()}
    constants |= {"ys": np.array(wide, np.float32), "yz": np.array(middle - 3, dtype)}
    constants |= {"az": np.array(middle, dtype), "bz": np.array(middle + 9, dtype)}
    constants = {name: np.asarray(array) for name, array in constants.items()}
    first = op_type == "QLinearConcat"
    given: dict[str, Any] = {"axis": 1} if first else {}
    given |= {"alpha": 0.2} if op_type == "QLinearLeakyRelu" else {}
    given |= {"axis": 3, "opset": 13} if op_type == "QLinearSoftmax" else {}
    inputs = ["ys", "yz", *names] if first else [*names, "ys", "yz"]
    node = helper.make_node(op_type, inputs, ["y"], domain="com.microsoft", **given)
    feeds = {
        name: rng.integers(info.min, info.max + 1, SHAPE).astype(dtype)
        for name in (["a", "b"] if two else ["a"])
    }
    declared = [helper.make_tensor_value_info(name, onnx_type, list(SHAPE)) for name in feeds]
    return encoded(node, declared, onnx_type, constants, len(SHAPE)), feeds


@pytest.mark.parametrize("kind", ["u8", "s8"])
@pytest.mark.parametrize("op_type", FUNCTIONS)
def test_the_formula_is_the_kernel_s(op_type: str, kind: str) -> None:
    """To one step, on this machine's own kernels; a kernel that is wrong by two steps is seen."""
    graph, feeds = model(op_type, kind)
    found = facts(graph)
    (operator,) = found.operators
    assert (operator.op_type, operator.compute, operator.b) == (op_type, ELEMENTWISE, "")
    assert operator.codes is not None
    values = {**found.constants, **feeds, "y": returned(graph, feeds)[0]}
    counts = check_codes(operator.codes, values).counts
    assert counts.elements == values["y"].size > 9
    assert counts.errors1 == 0
    assert counts.errors0 <= 0.02 * counts.elements
    assert 0 < counts.ideal_noise < counts.signal
    spoilt = values["y"].copy()
    at = int(np.argmin(np.abs(spoilt.astype(int) - int(spoilt.reshape(-1)[0]))))
    spoilt.reshape(-1)[at] ^= 16
    assert check_codes(operator.codes, {**values, "y": spoilt}).counts.errors1 == 1


def test_a_relu_behind_a_sum_is_its_lowest_code() -> None:
    graph, feeds = model("QLinearAdd", "u8")
    found = facts(graph)
    (operator,) = found.operators
    assert operator.codes is not None
    sums = replace(operator.codes, y_zero="none")
    values = {**found.constants, **feeds, "none": np.array(0, np.uint8)}
    a, b = (
        (feeds[x].astype(float) - float(found.constants[f"{x}z"])) * found.constants[f"{x}s"]
        for x in "ab"
    )
    wanted = np.clip(np.rint((a + b) / found.constants["ys"]), 0, 255).astype(np.uint8)
    checked = check_codes(sums, {**values, "y": wanted})
    assert (checked.counts.errors1, checked.real.min()) == (0, 0)


def network(path: Path) -> EvaluationSet:
    """Two branches that meet in every way that convolutional networks know, in QDQ format."""
    rng = np.random.default_rng(3)
    nodes: list[Any] = []
    constants: dict[str, Array] = {"half": np.array(0.03, np.float32)}
    constants |= {"mid": np.array(128, np.uint8), "low": np.array(0, np.uint8)}
    constants |= {"w": rng.integers(-60, 61, (4, 4, 3, 3)).astype(np.int8)}
    constants |= {"ws": np.array(0.004, np.float32), "wz": np.array(0, np.int8)}
    constants |= {"unit": np.array(1 / 255, np.float32)}

    def quantized(name: str, scale: str = "half", zero: str = "mid") -> str:
        nodes.append(helper.make_node("QuantizeLinear", [name, scale, zero], [f"{name}_q"]))
        nodes.append(
            helper.make_node("DequantizeLinear", [f"{name}_q", scale, zero], [f"{name}_d"])
        )
        return f"{name}_d"

    def made(op: str, inputs: list[str], scale: str = "half", zero: str = "mid", **how: Any) -> str:
        output = f"{op.lower()}{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [output], name=output, **how))
        return quantized(output, scale, zero)

    x = quantized("x")
    nodes.append(helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"]))
    left = made("Conv", [x, "wd"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    gate = made("Sigmoid", [left], "unit", "low")
    gated = made("Mul", [left, gate])
    summed = made("Add", [gated, x])
    both = made("Concat", [summed, gated], axis=1)
    pooled = made("AveragePool", [both], kernel_shape=[2, 2], strides=[2, 2])
    small = made("GlobalAveragePool", [pooled])
    last = made("Softmax", [small], "unit", "low", axis=1)
    nodes.append(helper.make_node("Identity", [last], ["y"]))
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8, 1, 1])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path
    )
    inputs = {"x": rng.normal(0, 1, (32, 4, 8, 8)).astype(np.float32)}
    return EvaluationSet(inputs=inputs, labels=None, ids=np.array([str(i) for i in range(32)]))


def test_the_ledger_covers_what_a_network_becomes(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    raw, ledger = measured(ort, [path], network(path), tmp_path, batch=8)
    assert ledger.why_not == ""
    rows = {row.op_type: row for row in ledger.operators}
    assert rows.keys() >= {
        *("QLinearConv", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearSigmoid"),
        *("QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearSoftmax"),
    }
    assert ledger.unchecked == {"QLinearAveragePool": 1}
    for name, row in rows.items():
        assert bool(row.elements) == (name not in ledger.unchecked), name
        assert row.errors1 == 0, name
    assert all(not row.kind for row in ledger.operators if row.compute == ELEMENTWISE)
    assert ledger.executed == ("QLinearConv.u8s8.const",)
    assert ledger.int_coverage == 1
    tensors = {row.producer: row for row in ledger.tensors}
    assert tensors["QLinearAdd"].clip is not None, "what it clips is known from its exact sum"
    found = {
        one.key: one for one in numerics({(PassName.NUMERICS, RawRole.BOTH): [raw]}, values.facts())
    }
    told = {item.name: item.value for item in found["kernel_error_pct"].detail}
    assert told["not_recomputed"] == "QLinearAveragePool"
    assert found["saturated_pct"].n == rows["QLinearConv"].pairs
    (note,) = (
        one
        for one in explain(ExplainedRun("int8-static-u8s8-pt", {}, ledger=ledger)).findings
        if one.code == "unchecked"
    )
    assert note.what.endswith("would not be seen: QLinearAveragePool.")
