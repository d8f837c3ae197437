"""X5 and X11: sequential medians against quads, and what exact integer kernels cost.

* **X5**: an s8s8 and a u8s8 MatMul, for which ONNX Runtime on x86 runs the same kernel. Medians of
  one run after the other differ by whatever the machine did meanwhile; quads say 1.
* **X11**: a 64 x 768 x 768 MatMul relative to FP32, as u8s8, as u8s8 with
  ``session.x64quantprecision`` and as u8u8. Where the probe says `sat16` the option buys exact
  results with time; where it says `exact` already, as with VNNI, what it costs buys nothing.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

import numpy as np
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.protocol import latency as protocol

from .pairs import abba, of_logs, show

M, K, N = 64, 768, 768
SEQUENTIAL_RUNS = 8
SEQUENTIAL_CALLS = 300
PRECISE = "session.x64quantprecision"
_OPSET = 17


def matmul(activation: str, weight: str) -> bytes:
    """A QDQ MatMul with full-range weights; `fp32` for both gives the plain one."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(5)
    constants, nodes = [], []

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def through(name: str, kind: str, scale: float) -> str:
        zero = np.zeros((), np.int8) if kind == "s8" else np.array(128, np.uint8)
        parts = [constant(f"{name}_s", np.float32(scale)), constant(f"{name}_z", zero)]
        nodes.append(helper.make_node("QuantizeLinear", [name, *parts], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", *parts], [f"{name}_d"]))
        return f"{name}_d"

    if weight == "fp32":
        right = constant("w", rng.normal(0, 0.03, (K, N)).astype(np.float32))
        nodes.append(helper.make_node("MatMul", ["x", right], ["y"]))
    else:
        signed = rng.integers(-127, 128, (K, N))
        codes = signed.astype(np.int8) if weight == "s8" else (signed + 128).astype(np.uint8)
        zero = np.zeros((), np.int8) if weight == "s8" else np.array(128, np.uint8)
        parts = [constant("w", codes), constant("w_s", np.float32(1e-3)), constant("w_z", zero)]
        nodes.append(helper.make_node("DequantizeLinear", parts, ["w_d"]))
        left = through("x", activation, 0.03)
        nodes.append(helper.make_node("MatMul", [left, "w_d"], ["m"]))
        nodes.append(helper.make_node("Identity", [through("m", activation, 0.1)], ["y"]))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "matmul",
        [value("x", TensorProto.FLOAT, [M, K])],
        [value("y", TensorProto.FLOAT, [M, N])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def call_of(model: bytes, **entries: str) -> protocol.Call:
    """A call of a session as the agent makes it, with these configuration entries besides."""
    import onnxruntime

    options = ort.session_options(SessionOptions())
    for name, value in entries.items():
        options.add_session_config_entry(name, value)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = {"x": np.random.default_rng(6).normal(0, 1, (M, K)).astype(np.float32)}

    def call() -> None:
        session.run(None, feeds)

    return call


def median(call: protocol.Call) -> float:
    """Of one stretch of calls, as benches that do not pair take it."""
    return statistics.median(protocol.time_calls(call, time.perf_counter_ns, SEQUENTIAL_CALLS))


def sequential_against_quads() -> None:
    """X5."""
    s8s8, u8s8 = call_of(matmul("s8", "s8")), call_of(matmul("u8", "s8"))
    for call in (s8s8, u8s8):
        median(call)
    ratios = [median(s8s8) / median(u8s8) for _ in range(SEQUENTIAL_RUNS)]
    logs = [math.log(ratio) for ratio in ratios]
    print(
        f"X5  s8s8 / u8s8: sequential medians {min(ratios):.3f} to {max(ratios):.3f} in"
        f" {SEQUENTIAL_RUNS} tries, {show(of_logs(logs))};   quads {show(abba(u8s8, s8s8))}"
    )


def exactness() -> None:
    """X11."""
    mode = ort.probe_kernels()
    names = [name for name in mode if name.startswith("QDQMatMul.") and name.endswith("8.const")]
    print("X11 the probe says " + ", ".join(f"{name} {mode.get(name, '?')}" for name in names))
    fp32 = call_of(matmul("fp32", "fp32"))
    fast = call_of(matmul("u8", "s8"))
    exact = call_of(matmul("u8", "s8"), **{PRECISE: "1"})
    unsigned = call_of(matmul("u8", "u8"))
    for name, call in (("u8s8", fast), (f"u8s8, {PRECISE}", exact), ("u8u8", unsigned)):
        print(f"    {name:<31} / fp32 {show(abba(fp32, call))}")
    print(f"    {'with the option / without':<31}        {show(abba(fast, exact))}")


if __name__ == "__main__":
    sequential_against_quads()
    exactness()
