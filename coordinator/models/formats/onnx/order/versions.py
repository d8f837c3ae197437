"""IR and opset: what is older than quantizers and their operators want is raised."""

from __future__ import annotations

from typing import Any

from .base import LeftOut, OrderTerms, copy_of

OPSET = 13
"""The first with scales per channel in Q/DQ, and the oldest that every builder works on."""
_IR_BEFORE = 4


def finds(model: Any, _wanted: OrderTerms) -> str:
    """Old versions and what they become."""
    opset, target = _opset(model), _target(model)
    if target.opset != opset:  # the IR goes with it
        return f"opset {opset} to {target.opset}"
    return f"IR {model.ir_version} to {target.ir}" if target.ir != model.ir_version else ""


def taken(model: Any, _wanted: OrderTerms) -> Any:
    """With onnx's version converter.

    Raises:
        LeftOut: functions are left, whose nodes the converter does not reach.
    """
    from onnx import checker, version_converter

    target = _target(model)
    if target.opset != _opset(model):
        if model.functions:
            raise LeftOut("the converter does not reach into local functions")
        raised = version_converter.convert_version(model, target.opset)
    else:
        raised = copy_of(model)
    raised.ir_version = max(raised.ir_version, target.ir)
    checker.check_model(raised)
    return raised


class _Target:
    def __init__(self, ir: int, opset: int) -> None:
        self.ir, self.opset = ir, opset


def _opset(model: Any) -> int:
    """The opset of the standard operators; a model without one uses none of them."""
    return next((int(one.version) for one in model.opset_import if not one.domain), OPSET)


def _target(model: Any) -> _Target:
    import onnx

    opset = max(_opset(model), OPSET)
    raised = [onnx.helper.make_opsetid("", opset)]
    wanted = int(onnx.helper.find_min_ir_version_for(raised, ignore_unknown=True))
    old = model.ir_version < _IR_BEFORE or opset != _opset(model)
    return _Target(max(model.ir_version, wanted) if old else model.ir_version, opset)
