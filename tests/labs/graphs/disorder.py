"""Small classifiers that are not in order, made as exporters of many years made theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

WIDTH = 6


@dataclass(frozen=True)
class Disorder:
    opset: int = 17
    ir: int = 8
    listed: bool = False
    constants: bool = False
    function: bool = False
    branches: bool = False
    clashing: bool = False
    doubles: bool = False
    layers: tuple[str, ...] = ("dense", "softmax")
    seed: int = 0


LAYERS = ("dense", "scale", "softmax", "clip", "squeeze", "sum", "norm", "slice", "dropout")


@st.composite
def disorders(draw: st.DrawFn) -> Disorder:
    """What went together at some time: functions need opset 15, IR 3 lists every initializer."""
    opset, ir = draw(st.integers(7, 21)), draw(st.integers(3, 10))
    function = opset >= 15 and ir >= 8 and draw(st.booleans())
    return Disorder(
        opset=opset,
        ir=ir,
        listed=ir == 3 or draw(st.booleans()),
        constants=draw(st.booleans()),
        function=function,
        branches=opset >= 11 and ir > 3 and draw(st.booleans()),
        clashing=draw(st.booleans()),
        doubles=draw(st.booleans()),
        layers=tuple(draw(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4))),
        seed=draw(st.integers(0, 1 << 16)),
    )


def model_of(how: Disorder) -> Any:
    """An ONNX model from ``x`` (N, 6) to ``y`` (N, 6)."""
    return _Maker(how).model()


def samples(count: int = 16, seed: int = 1) -> Any:
    """Inputs for it, float32."""
    return np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)


class _Maker:
    def __init__(self, how: Disorder) -> None:
        self.how, self.rng = how, np.random.default_rng(how.seed)
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self.count = 0
        self.kind = np.dtype(np.float64 if how.doubles else np.float32)

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        self.count += 1
        name = "same" if self.how.clashing else f"{operator}_{self.count}"
        output = f"t{self.count}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def constant(self, values: Any) -> str:
        self.count += 1
        # As a quantizer would name what it adds for the tensor before.
        name = f"t{self.count - 1}_scale" if self.how.clashing else f"w{self.count}"
        tensor = numpy_helper.from_array(np.asarray(values), name)
        if self.how.constants:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.tensors.append(tensor)
        return name

    def weight(self, *shape: int) -> str:
        return self.constant(self.rng.standard_normal(shape).astype(self.kind))

    def layer(self, name: str, x: str) -> str:
        opset = self.how.opset
        if name == "clip" and opset < 12 and self.how.doubles:
            name = "scale"  # onnxruntime clips no doubles there
        if name == "dense":
            x = self.node("MatMul", [x, self.weight(WIDTH, WIDTH)])
            return self.node("Relu", [self.node("Add", [x, self.weight(WIDTH)])])
        if name == "scale":
            return self.node("Mul", [x, self.weight(WIDTH)])
        if name == "softmax":
            return self.node("Softmax", [x], axis=1)
        if name == "clip" and opset < 11:
            return self.node("Clip", [x], min=-1.0, max=2.0)
        if name == "clip":
            bounds = [self.constant(np.array(one, self.kind)) for one in (-1, 2)]
            return self.node("Clip", [x, *bounds])
        if name == "squeeze":
            axes = {"axes": [2]} if opset < 13 else {}
            more = [] if opset < 13 else [self.constant(np.array([2], np.int64))]
            return self.node("Squeeze", [self.node("Unsqueeze", [x, *more], **axes), *more], **axes)
        if name == "sum":
            axes = {"axes": [1]} if opset < 13 else {}
            more = [] if opset < 13 else [self.constant(np.array([1], np.int64))]
            return self.node("Add", [x, self.node("ReduceSum", [x, *more], keepdims=1, **axes)])
        if name == "norm":
            four = [self.weight(WIDTH) for _ in range(3)]
            four.append(
                self.constant(np.abs(self.rng.standard_normal(WIDTH)).astype(self.kind) + 1)
            )
            return self.node("BatchNormalization", [x, *four])
        if name == "slice" and opset < 10:
            return self.node("Slice", [x], starts=[0], ends=[WIDTH], axes=[1])
        if name == "slice":
            ends = [self.constant(np.array([one], np.int64)) for one in (0, WIDTH, 1)]
            return self.node("Slice", [x, *ends])
        return self.node("Dropout", [x])

    def branches(self, x: str) -> str:
        """Two branches that name their own tensors alike."""
        inner = []
        for sign in (-1, 1):
            weight = numpy_helper.from_array(np.full(WIDTH, sign, self.kind), "inner_w")
            multiply = helper.make_node("Mul", [x, "inner_w"], ["inner_y"], name="inner")
            value = helper.make_tensor_value_info("inner_y", self.type, ["N", WIDTH])
            inner.append(helper.make_graph([multiply], f"branch{sign}", [], [value], [weight]))
        flag = self.constant(np.array(bool(self.how.seed % 2)))
        return self.node("If", [flag], then_branch=inner[0], else_branch=inner[1])

    @property
    def type(self) -> int:
        return int(TensorProto.DOUBLE if self.how.doubles else TensorProto.FLOAT)

    def model(self) -> Any:
        how, x = self.how, "x"
        if how.doubles:
            x = self.node("Cast", [x], to=TensorProto.DOUBLE)
        for name in how.layers:
            x = self.layer(name, x)
        if how.branches:
            x = self.branches(x)
        functions, imports = [], [helper.make_opsetid("", how.opset)]
        if how.function:
            imports.append(helper.make_opsetid("local", 1))
            inside = helper.make_node("Tanh", ["a"], ["b"])
            functions.append(
                helper.make_function("local", "Bend", ["a"], ["b"], [inside], imports[:1])
            )
            self.nodes.append(helper.make_node("Bend", [x], ["bent"], domain="local"))
            x = "bent"
        cast = helper.make_node("Cast", [x], ["y"], to=TensorProto.FLOAT)
        self.nodes.append(cast if how.doubles else helper.make_node("Identity", [x], ["y"]))
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", WIDTH])]
        if how.listed:
            inputs += [
                helper.make_tensor_value_info(one.name, one.data_type, list(one.dims))
                for one in self.tensors
            ]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", WIDTH])]
        graph = helper.make_graph(self.nodes, "g", inputs, outputs, self.tensors)
        return helper.make_model(
            graph, opset_imports=imports, functions=functions, ir_version=how.ir
        )
