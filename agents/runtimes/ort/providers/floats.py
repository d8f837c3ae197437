"""Which operators of a quantized model compute in floats: those not between codes on all sides.

A neural processor takes them all the same, computes them in half precision whatever it is told, and
says nothing (QNN 2.51: `enable_htp_fp16_precision=0` gives the very bits of 1). So it is read from
the file. Where that is not certain an operator counts as one of floats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from .placing import AssignedNode

_TO_CODES, _FROM_CODES = "QuantizeLinear", "DequantizeLinear"
_MOVES = frozenset(
    {
        *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Expand", "Tile"),
        *("Slice", "Gather", "Split", "Concat", "DepthToSpace", "SpaceToDepth", "Pad"),
    }
)
"""These compute nothing: what they move stays what it was."""
_CUTS = frozenset({"Relu", "Clip"})
"""What quantizing does anyway, where its codes begin at zero."""
_NO_FLOATS = frozenset(
    {
        *("Shape", "Size", "ArgMax", "ArgMin", "NonZero", "IsNaN", "IsInf", "Not"),
        *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
    }
)
"""These make no floats, whatever they are given."""


def float_operators(model: Any) -> tuple[AssignedNode, ...]:
    """The operators of a model's graph that compute in floats, in its order."""
    return _Graph(model.graph).float_operators()


class _Graph:
    def __init__(self, graph: Any) -> None:
        from onnx import TensorProto

        kinds = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
        self._nodes = list(graph.node)
        self._ends = {one.name for one in graph.output}
        self._stored = {one.name: one for one in graph.initializer}
        self._users: defaultdict[str, list[Any]] = defaultdict(list)
        self._makers = {name: one for one in self._nodes for name in one.output}
        self._floats = {one.name for one in graph.initializer if one.data_type in kinds}
        self._floats |= {one.name for one in graph.input if one.type.tensor_type.elem_type in kinds}
        for one in self._nodes:
            for name in one.input:
                self._users[name].append(one)
            if self._makes_floats(one, kinds):
                self._floats.update(one.output)

    def _makes_floats(self, one: Any, kinds: Iterable[int]) -> bool:
        given = {each.name: each for each in one.attribute}
        if one.op_type == "Cast":
            return "to" not in given or given["to"].i in kinds
        if one.op_type in ("Constant", "ConstantOfShape"):
            return "value" not in given or given["value"].t.data_type in kinds
        if one.op_type == _FROM_CODES:
            return True
        if one.op_type == _TO_CODES or one.op_type in _NO_FLOATS:
            return False
        return any(name in self._floats for name in one.input)

    def float_operators(self) -> tuple[AssignedNode, ...]:
        """In the order of the graph."""
        found = []
        for one in self._nodes:
            computes = one.op_type not in (_TO_CODES, _FROM_CODES, "Constant", *_MOVES)
            if computes and self._floats.intersection(one.output) and not self._between(one):
                found.append(AssignedNode(one.name or one.output[0], one.op_type, ""))
        return tuple(found)

    def _between(self, one: Any) -> bool:
        cut = one.op_type in _CUTS and self._cuts_nothing(one)
        makers = [self._makers.get(name) for name in one.input]
        # What follows an operator and cuts nothing off its codes belongs to it.
        if cut and makers[0] is not None and makers[0].op_type not in _MOVES | {_FROM_CODES}:
            return self._between(makers[0])
        return all(map(self._is_of_codes, one.input)) and all(map(self._becomes_codes, one.output))

    def _is_of_codes(self, name: str) -> bool:
        maker = self._makers.get(name)
        if name not in self._floats or name in self._stored:
            return True
        if maker is None:
            return False
        if maker.op_type in _MOVES:
            return all(map(self._is_of_codes, maker.input))
        return maker.op_type in (_FROM_CODES, "Constant")

    def _becomes_codes(self, name: str) -> bool:
        if name in self._ends:
            return False
        return all(self._is_taken(one) for one in self._users[name])

    def _is_taken(self, user: Any) -> bool:
        if user.op_type == _TO_CODES:
            return True
        if user.op_type in _MOVES or (user.op_type in _CUTS and self._cuts_nothing(user)):
            return all(map(self._becomes_codes, user.output))
        return False

    def _cuts_nothing(self, one: Any) -> bool:
        """Whether what it cuts off has no code anyway: all that follows begins at zero."""
        return all(
            user.op_type == _TO_CODES and self._begins_at_zero(user)
            for name in one.output
            for user in self._users[name]
        )

    def _begins_at_zero(self, quantize: Any) -> bool:
        import numpy as np
        from onnx import numpy_helper

        if len(quantize.input) < 3 or not quantize.input[2]:
            return True  # unsigned codes from 0
        if quantize.input[2] not in self._stored:
            return False
        zero = np.asarray(numpy_helper.to_array(self._stored[quantize.input[2]]))
        return zero.dtype.kind in "iu" and bool((zero == np.iinfo(zero.dtype).min).all())
