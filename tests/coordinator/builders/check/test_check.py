"""A built artifact is looked at before a device sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES, parse
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders._checks._agreement import distance
from bitgauge.coordinator.builders._checks._verdict import Verdict
from bitgauge.coordinator.builders._checks.onnx import check
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from onnx import TensorProto, helper, numpy_helper

from .nets import CLASSES, FEATURES, HIDDEN, Net, branching, plain, saved

STATIC = "int8-static-u8s8-pc"


def request(folder: Path, model: Any, recipe: str) -> BuildRequest:
    path, calibration = saved(folder, model)
    return BuildRequest(parse(recipe), path, folder / "artifact.onnx", calibration)


def built(folder: Path, model: Any, recipe: str) -> BuildRequest:
    asked = request(folder, model, recipe)
    registry.build(asked)
    return asked


def looked_at(folder: Path, model: Any, artifact: Any, recipe: str) -> Verdict:
    asked = request(folder, model, recipe)
    onnx.save(artifact, asked.output)
    return check(asked)


def stored(model: Any, ending: str) -> Any:
    return next(one for one in model.graph.initializer if one.name.endswith(ending))


def replaced(tensor: Any, array: Any) -> None:
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


@pytest.mark.parametrize("recipe", [str(one) for one in DEFAULT_RECIPES])
def test_values_that_a_branch_still_reads_are_found_folded_away(
    recipe: str, tmp_path: Path
) -> None:
    """The static quantizer drops a Relu whose clamp is in its codes, which inner graphs skip."""
    asked = request(tmp_path, branching(), recipe)
    if "static" not in recipe:
        registry.build(asked)
        return
    with pytest.raises(
        Unsupported, match=r"cannot be used: 'relu_\d+' of Relu 'relu_node_\d' is off"
    ):
        registry.build(asked)
    assert not asked.output.exists()


@pytest.mark.parametrize("recipe", [str(one) for one in DEFAULT_RECIPES[1:]])
@pytest.mark.parametrize("scale", [0.01, 2.0])
def test_noise_of_the_model_itself_is_no_broken_build(
    recipe: str, scale: float, tmp_path: Path
) -> None:
    """Two runs of the model itself would not agree any better."""
    net = Net()
    y = net.node("Relu", [net.dense("x", FEATURES, HIDDEN)])
    noise = net.node("RandomNormalLike", [y], scale=scale)
    net.dense(net.node("Add", [y, noise]), HIDDEN, CLASSES, "logits")
    model = net.model(["batch", FEATURES], {"logits": ["batch", CLASSES]})
    asked = request(tmp_path, model, recipe)
    assert "its values were not compared: the model does not repeat itself" in registry.build(asked)


@pytest.mark.parametrize("recipe", [str(one) for one in DEFAULT_RECIPES[1:]])
def test_doubles_are_said(recipe: str, tmp_path: Path) -> None:
    net = Net()
    y = net.node("Cast", ["x"], to=TensorProto.DOUBLE)
    y = net.node("MatMul", [y, net.weight(FEATURES, CLASSES, dtype=np.float64)])
    net.node("Cast", [y], "logits", to=TensorProto.FLOAT)
    model = net.model(["batch", FEATURES], {"logits": ["batch", CLASSES]})
    with pytest.raises(Unsupported, match="weights are float64") as caught:
        registry.build(request(tmp_path, model, recipe))
    assert caught.value.reason.endswith("takes float32.")


def test_an_artifact_that_does_not_load_is_said_with_its_operator(tmp_path: Path) -> None:
    model = plain()
    broken = onnx.ModelProto()
    broken.CopyFrom(model)
    weight = broken.graph.initializer[0]
    replaced(weight, numpy_helper.to_array(weight).astype(np.float64))
    with pytest.raises(
        Unsupported, match=r"load: MatMul 'matmul_node_0' is given float32 and float64"
    ):
        looked_at(tmp_path, model, broken, "int8-dynamic")


def test_outputs_are_the_models_by_name_and_type(tmp_path: Path) -> None:
    model = plain()
    asked = built(tmp_path, model, "int8-dynamic")
    artifact = onnx.load(asked.output)
    artifact.graph.output[0].name = artifact.graph.node[-1].output[0] = "scores"
    with pytest.raises(
        Unsupported, match=r"its outputs are scores tensor\(float\), the model's are logits"
    ):
        looked_at(tmp_path, model, artifact, "int8-dynamic")


def test_a_file_that_grew_is_refused(tmp_path: Path) -> None:
    model = plain()
    artifact = onnx.load(built(tmp_path, model, "int8-dynamic").output)
    artifact.graph.initializer.append(
        numpy_helper.from_array(np.zeros((64, 64), np.float32), "left_over")
    )
    with pytest.raises(Unsupported, match=r"the file grew from \d+ to \d+ bytes"):
        looked_at(tmp_path, model, artifact, "int8-dynamic")


def test_nothing_quantized_is_refused_with_what_was_left(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"nothing was quantized: 2 MatMul \(left by the quant"):
        looked_at(tmp_path, plain(), plain(), "int8-dynamic")


def test_the_share_counts_operators_and_work(tmp_path: Path) -> None:
    """The layers inside both branches stay as they are, and are counted."""
    asked = built(tmp_path, branching(), "int8-dynamic")
    share = check(asked).share
    assert share is not None
    assert share.operators == (1, 3)
    assert dict(share.left) == {"MatMul (inside an inner graph)": 2}


def test_a_recurrent_layer_that_stays_float_weighs_what_it_multiplies(tmp_path: Path) -> None:
    net, hidden, steps = Net(), 24, 9
    w, r = net.weight(1, 4 * hidden, 12), net.weight(1, 4 * hidden, hidden)
    turned = net.node("Transpose", ["x"], perm=[1, 0, 2])
    node = helper.make_node("LSTM", [turned, w, r], ["", "state"], hidden_size=hidden, name="lstm")
    net.nodes.append(node)
    y = net.node("Squeeze", ["state", net.constant(np.array([0]))])
    net.dense(y, hidden, CLASSES, "logits")
    model = net.model(["batch", steps, 12], {"logits": ["batch", CLASSES]})
    verdict = check(built(tmp_path, model, STATIC))
    assert verdict.share is not None
    dense, recurrent = hidden * CLASSES, steps * 4 * hidden * (12 + hidden)
    assert verdict.share.work == pytest.approx(dense / (dense + recurrent))
    assert verdict.calibration_samples == 24


def test_a_range_that_the_calibration_set_does_not_reach_is_found(tmp_path: Path) -> None:
    model = plain()
    artifact = onnx.load(built(tmp_path, model, STATIC).output)
    scale = stored(artifact, "relu_4_scale")
    replaced(scale, numpy_helper.to_array(scale) * np.float32(4))
    with pytest.raises(Unsupported, match=r"calibration did not set the scale of 'relu_4' of Relu"):
        looked_at(tmp_path, model, artifact, STATIC)


def test_a_tensor_without_a_value_in_the_whole_set_is_found(tmp_path: Path) -> None:
    """Rows above a limit that no sample reaches: its scale comes from nowhere."""
    net = Net()
    y = net.dense("x", FEATURES, HIDDEN)
    high = net.node("ReduceMax", [y], axes=[1], keepdims=0)
    above = net.node("NonZero", [net.node("Greater", [high, net.constant(np.float32(1e6))])])
    kept = net.node("Gather", [y, net.node("Squeeze", [above, net.constant(np.array([0]))])])
    net.dense(kept, HIDDEN, CLASSES, "logits")
    model = net.model(["batch", FEATURES], {"logits": ["rows", CLASSES]})
    with pytest.raises((Unsupported, BadInput)) as caught:
        built(tmp_path, model, STATIC)
    assert "calibration" in str(caught.value) or "gather" in str(caught.value)


@pytest.mark.parametrize("recipe", [STATIC, "int8-static-u8u8-pt"])
def test_probabilities_below_a_step_are_what_the_format_costs(recipe: str, tmp_path: Path) -> None:
    """All of 600 probabilities become 0: the range is that of a Softmax, the step 1/255."""
    net = Net()
    y = net.node("Mul", [net.dense("x", FEATURES, 600), net.constant(np.float32(0.1))])
    net.node("Softmax", [y], "out", axis=1)
    asked = built(tmp_path, net.model(["batch", FEATURES], {"out": ["batch", 600]}), recipe)
    assert check(asked).calibration_samples == 24


def test_a_weight_that_is_not_the_models_is_named(tmp_path: Path) -> None:
    artifact = onnx.load(built(tmp_path, plain(), "int4-wo-b32").output)
    scales = stored(artifact, "_scales")
    replaced(scales, numpy_helper.to_array(scales) * np.float32(4))
    with pytest.raises(Unsupported, match=r"the weight 'constant_\d' is off by \d+\.\d steps"):
        looked_at(tmp_path, plain(), artifact, "int4-wo-b32")


def test_what_the_optimiser_changes_is_found_and_its_pass_named(tmp_path: Path) -> None:
    """Onnxruntime drops a Relu before an FP8 QuantizeLinear that has a zero point."""
    net = Net()
    y = net.node("Relu", [net.dense("x", FEATURES, HIDDEN)])
    net.dense(y, HIDDEN, CLASSES, "logits")
    model = net.model(["batch", FEATURES], {"logits": ["batch", CLASSES]})
    model.opset_import[0].version = 19
    artifact = onnx.ModelProto()
    artifact.CopyFrom(model)
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [0.01])
    zero = helper.make_tensor("zero", TensorProto.FLOAT8E4M3FN, [], [0.0])
    artifact.graph.initializer.extend([scale, zero])
    at = next(i for i, node in enumerate(artifact.graph.node) if node.op_type == "Relu")
    pair = [
        helper.make_node("QuantizeLinear", [y, "scale", "zero"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["values"]),
    ]
    for offset, node in enumerate(pair):
        artifact.graph.node.insert(at + 1 + offset, node)
    artifact.graph.node[at + 3].input[0] = "values"
    weight = artifact.graph.initializer[0]
    codes = np.clip(np.rint(numpy_helper.to_array(weight) / 0.01), -127, 127).astype(np.int8)
    artifact.graph.initializer.append(numpy_helper.from_array(codes, "weight_codes"))
    artifact.graph.node.insert(
        0, helper.make_node("DequantizeLinear", ["weight_codes", "scale"], ["weight_values"])
    )
    artifact.graph.node[1].input[1] = "weight_values"
    artifact.graph.initializer.remove(weight)
    with pytest.raises(Unsupported, match=r"optimiser_changed_result, by the .*ReluQuant"):
        looked_at(tmp_path, model, artifact, "fp8-static-e4m3-pt")


def baked(tmp_path: Path, batch: int) -> BuildRequest:
    """A build of a model whose input takes any batch and whose Reshape one alone."""
    net = Net()
    y = net.node("Reshape", ["x", net.constant(np.array([batch, FEATURES]))])
    net.dense(y, FEATURES, CLASSES, "logits")
    return request(tmp_path, net.model(["batch", 4, 4], {"logits": ["batch", CLASSES]}), STATIC)


def test_a_batch_that_only_the_graph_holds_is_found(tmp_path: Path) -> None:
    asked = baked(tmp_path, 1)
    registry.build(asked)
    (note,) = asked.log.notes
    assert note.startswith("calibrated in batches of 1, not 32: Reshape 'reshape_node_0' cannot")
    asked = replace(baked(tmp_path, 6), batch=6, log=BuildLog())
    registry.build(asked)
    assert asked.log.batch == 6, "another job's batch may not do"


def test_a_batch_that_the_graph_does_not_take_is_named(tmp_path: Path) -> None:
    asked = baked(tmp_path, 6)
    with pytest.raises(Unsupported) as caught:
        registry.build(asked)
    assert caught.value.reason == (
        "The model takes no batch of 32 or 1 samples of the calibration set:"
        " Reshape 'reshape_node_0' cannot give 24x4x4 values the shape 6x16."
    )
    assert asked.log.batch == 1


def test_weights_that_two_layers_share_are_built_although_exact_kernels_cannot_have_them(
    tmp_path: Path,
) -> None:
    """`session.x64quantprecision=1` ends with an error there; the device does not ask for it."""
    net = Net()
    both = net.weight(FEATURES, FEATURES)
    y = net.node("Relu", [net.node("MatMul", ["x", both])])
    net.dense(net.node("MatMul", [y, both]), FEATURES, CLASSES, "logits")
    model = net.model(["batch", FEATURES], {"logits": ["batch", CLASSES]})
    words = registry.build(request(tmp_path, model, "int8-static-s8s8-pc"))
    assert words[0].startswith("3 of 3 products")
    assert words[-1] == (
        "its outputs with graph optimisations on were not compared: with"
        " session.x64quantprecision=1 it does not load (Attempt to replace the existing tensor)"
    )


@pytest.mark.parametrize(
    ("before", "after", "far"),
    [
        ([3.0, 0.0], [0.0, 4.0], 5.0),
        ([-np.inf, 1.0], [-np.inf, 1.0], 0.0),
        ([-np.inf, 1.0], [0.0, 1.0], np.inf),
        ([np.nan, 1.0], [np.nan, 3.0], 2.0),
        ([np.nan, 1.0], [2.0, 1.0], np.inf),
    ],
)
def test_what_becomes_infinite_has_moved_without_end(
    before: list[float], after: list[float], far: float
) -> None:
    assert distance(np.array(before), np.array(after)) == far
