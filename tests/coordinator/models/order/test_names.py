"""Names that a quantizer would give anew are free for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.models.formats.onnx.order import names
from bitgauge.coordinator.models.formats.onnx.order.base import NOTHING
from onnx import numpy_helper, parser

CHANNELS = 16


def sharing(first: str, second: str) -> onnx.ModelProto:
    """Two convolutions with one bias `b`; the names are what each makes, `second` the output."""
    text = f"""<ir_version: 8, opset_import: ["": 17]>
    net (float[N, {CHANNELS}, 6, 6] x) => (float[N, {CHANNELS}, 6, 6] {second}) {{
        {first} = Conv(x, v, b)
        turned = Neg({first})
        {second} = Conv(turned, w, b)
    }}"""
    model = parser.parse_model(text)
    generator = np.random.default_rng(3)
    for name, shape in (("v", (CHANNELS, CHANNELS, 1, 1)), ("w", (CHANNELS, CHANNELS, 1, 1))):
        weight = generator.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(weight, name))
    bias = generator.standard_normal(CHANNELS).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(bias, "b"))
    return model


@pytest.mark.parametrize(("first", "second"), [("b1", "y"), ("b12", "y"), ("a", "b1")])
def test_a_copy_of_a_shared_bias_gets_a_name_that_nothing_has(
    first: str, second: str, tmp_path: Path
) -> None:
    """Else the static quantizer gives the copy the name of a tensor that is there."""
    model = sharing(first, second)
    assert names.finds(model, NOTHING) == "names that clash: 1"
    after = names.taken(model, NOTHING)
    assert names.finds(after, NOTHING) == ""
    assert [one.name for one in after.graph.output] == [second]
    onnx.save(after, tmp_path / "m.onnx")
    images = np.random.default_rng(4).standard_normal((8, CHANNELS, 6, 6)).astype(np.float32)
    arrays: dict[str, Any] = {"inputs/x": images}
    np.savez(tmp_path / "c.npz", **arrays)
    registry.build(
        BuildRequest(
            parse("int8-static-u8s8-pc"),
            tmp_path / "m.onnx",
            tmp_path / "a.onnx",
            tmp_path / "c.npz",
        )
    )


@pytest.mark.parametrize(("first", "second"), [("bb", "y"), ("b_1", "y"), ("a1", "v1")])
def test_other_names_stay(first: str, second: str) -> None:
    assert names.finds(sharing(first, second), NOTHING) == ""
