"""Over small graphs of many kinds: a sound build is never called broken, a tampered one is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders._checks.onnx import check
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from .nets import CLASSES, FEATURES, HIDDEN, Net, saved

RECIPES = ("fp16", "int8-dynamic", "int8-static-u8s8-pc", "int8-static-u8u8-pt", "int4-wo-b32")
HEADS = ("logits", "probabilities", "class", "hidden first", "four dimensions", "sigmoid")
FEW = settings(max_examples=20, deadline=None)


@st.composite
def models(draw: st.DrawFn) -> Any:
    """A network of a few layers with an odd body and an odd head."""
    net = Net(draw(st.integers(0, 1000)))
    convolves = draw(st.booleans())
    width = FEATURES
    y, shape = "x", ["batch", FEATURES]
    if convolves:
        shape = ["batch", 1, 8, 8]
        y = net.node("Relu", [net.convolution(y, 1, 4)])
        y = net.node(draw(st.sampled_from(("MaxPool", "AveragePool"))), [y], kernel_shape=[2, 2])
        y, width = net.node("Flatten", [y]), 4 * 7 * 7
    for _ in range(draw(st.integers(1, 3))):
        y, width = net.dense(y, width, HIDDEN), HIDDEN
        y = net.node(draw(st.sampled_from(("Relu", "Tanh", "LeakyRelu", "Sigmoid"))), [y])
        if draw(st.booleans()):
            y = net.node("Mul", [y, net.constant(np.float32(draw(st.sampled_from((0.1, 30.0)))))])
    if draw(st.booleans()):
        net.function()
        y = net.node("Half", [y])
    hidden = y
    return _headed(net, y, hidden, shape, draw(st.sampled_from(HEADS)), draw(st.booleans()))


def _headed(net: Net, y: str, hidden: str, shape: list[Any], head: str, inner: bool) -> Any:
    batch_classes: list[Any] = ["batch", CLASSES]
    if inner:
        positive = net.node(
            "Greater", [net.node("ReduceSum", [y], keepdims=0), net.constant(np.float32(0))]
        )
        y = net.node("Tanh", [y])  # nothing that a quantizer folds
        graphs = {f"{name}_branch": net.branch(name, y) for name in ("then", "else")}
        net.node("If", [positive], "scores", **graphs)
    else:
        net.dense(y, HIDDEN, CLASSES, "scores")
    outputs: dict[str, list[Any]] = {"scores": batch_classes}
    if head in ("probabilities", "sigmoid"):
        op_type = "Softmax" if head == "probabilities" else "Sigmoid"
        outputs = {net.node(op_type, ["scores"], "out"): batch_classes}
    elif head == "class":
        outputs["class"] = ["batch"]
        net.node("ArgMax", ["scores"], "class", axis=1, keepdims=0)
    elif head == "hidden first":
        outputs = {net.node("Identity", [hidden], "hidden"): ["batch", HIDDEN], **outputs}
    elif head == "four dimensions":
        four = net.constant(np.array([-1, CLASSES, 1, 1]))
        outputs = {net.node("Reshape", ["scores", four], "out"): ["batch", CLASSES, 1, 1]}
    return net.model(shape, outputs)


@FEW
@given(models(), st.sampled_from(RECIPES))
def test_a_sound_build_is_never_called_broken(model: Any, recipe: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, calibration = saved(Path(folder), model)
        asked = BuildRequest(parse(recipe), path, Path(folder) / "artifact.onnx", calibration)
        reason = ""
        try:
            registry.build(asked)
        except Unsupported as error:
            reason = error.reason
        if model.functions and recipe == "fp16":  # whose constants the float16 tool leaves alone
            assert "does not load" in reason
        else:
            assert "cannot be used" not in reason


def outputs_of(path: Path, calibration: Path) -> list[Any]:
    with np.load(calibration) as found:
        feeds = {"x": found["inputs/x"]}
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return [np.asarray(one) for one in session.run(None, feeds)]


def two_headed(seed: int, layers: int) -> Any:
    """Relus between dense layers, and two outputs of one shape."""
    net = Net(seed)
    y, width = "x", FEATURES
    for _ in range(layers):
        y, width = net.node("Relu", [net.dense(y, width, HIDDEN)]), HIDDEN
    net.dense(y, HIDDEN, CLASSES, "primary")
    net.dense(y, HIDDEN, CLASSES, "auxiliary")
    shape: list[Any] = ["batch", CLASSES]
    return net.model(["batch", FEATURES], {"primary": shape, "auxiliary": shape})


def swap_outputs(model: Any, at: int) -> bool:
    names = {"primary": "auxiliary", "auxiliary": "primary"}
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            node.output[index] = names.get(name, name)
    return True


def drop_a_relu(model: Any, at: int) -> bool:
    """Its readers get what it was given."""
    relus = [node for node in model.graph.node if node.op_type == "Relu"]
    if not relus:
        return False
    node = relus[at % len(relus)]
    node.op_type = "Identity"
    return True


def widen_a_scale(model: Any, at: int) -> bool:
    """Four times the scale of some weights, or what float16 stores as them."""
    scales = [
        one
        for one in model.graph.initializer
        if (one.name.endswith("_scale") or "_scales" in one.name) and "constant" in one.name
    ]
    scales = scales or [one for one in model.graph.initializer if len(one.dims) == 2]
    tensor = scales[at % len(scales)]
    array = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array((array * 4).astype(array.dtype), tensor.name))
    return True


@pytest.mark.parametrize("tamper", [swap_outputs, drop_a_relu, widen_a_scale])
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3), st.sampled_from(RECIPES), st.integers(0, 5))
def test_a_tampered_build_is_found(
    tamper: Any, seed: int, layers: int, recipe: str, at: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, calibration = saved(Path(folder), two_headed(seed, layers))
        asked = BuildRequest(parse(recipe), path, Path(folder) / "artifact.onnx", calibration)
        registry.build(asked)
        sound = outputs_of(asked.output, calibration)
        model = onnx.load(asked.output)
        assume(tamper(model, at))
        onnx.save(model, asked.output)
        wrong = outputs_of(asked.output, calibration)
        distance = sum(float(np.linalg.norm(a - b)) for a, b in zip(sound, wrong, strict=True))
        assume(distance > 0.3 * sum(float(np.linalg.norm(one)) for one in sound))
        with pytest.raises(Unsupported, match="cannot be used"):
            check(asked)
