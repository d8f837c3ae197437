"""A baseline in order answers as the one that was sent, and stays as it is the next time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.coordinator.models.formats.onnx.order.base import NOTHING, OrderTerms
from bitgauge.coordinator.models.recognise import companions, inspect_model
from bitgauge.coordinator.tasks import order
from hypothesis import HealthCheck, example, given, settings
from onnx import TensorProto, helper, numpy_helper

from tests.labs.graphs.disorder import WIDTH, Disorder, disorders, model_of, samples
from tests.labs.sets import WEIGHTS, with_external_data


def put(tmp_path: Path, model: Any, inputs: Any, wanted: OrderTerms = NOTHING) -> tuple[Path, Any]:
    before, data, after = (tmp_path / name for name in ("before.onnx", "data.npz", "after.onnx"))
    before.write_bytes(model.SerializeToString())
    np.savez(data, **{f"inputs/{name}": array for name, array in inputs.items()})
    return after, order.put_in_order(before, data, wanted, after)


def run(model: Any, x: Any) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {session.get_inputs()[0].name: x})[0]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(how=disorders())
@example(how=Disorder(opset=9, ir=3, listed=True))
@example(how=Disorder(opset=7, ir=3, listed=True, clashing=True, doubles=True, constants=True))
@example(how=Disorder(opset=17, function=True, branches=True, clashing=True, constants=True))
def test_a_model_in_order_answers_as_before(how: Disorder, tmp_path: Path) -> None:
    model, x = model_of(how), samples()
    wanted = OrderTerms(float32=True)
    after, notes = put(tmp_path, model, {"x": x}, wanted)
    assert not [note for note in notes if "left out" in note]
    made = onnx.load(after)
    assert order.out_of_order(after, "onnx", wanted, "it") == ()
    assert {one.version for one in made.opset_import if not one.domain} >= {max(how.opset, 13)}
    truth = run(model_of(replace(how, clashing=False)), x)
    np.testing.assert_allclose(run(made, x), truth, rtol=1e-4, atol=1e-5)
    again, unchanged = put(tmp_path, made, {"x": x}, wanted)
    assert (again.read_bytes(), unchanged) == (made.SerializeToString(deterministic=True), ())


@pytest.mark.parametrize("model", zoo.models(), ids=lambda model: model.name)
def test_what_is_in_order_stays_byte_for_byte(model: Any, tmp_path: Path) -> None:
    assert order.out_of_order(model.path, "onnx", OrderTerms(float32=True), "it") == ()
    after = tmp_path / "after.onnx"
    assert order.put_in_order(model.path, zoo.evaluation_path(), OrderTerms(), after) == ()
    assert after.read_bytes() == model.path.read_bytes()


def test_what_was_done_is_said(tmp_path: Path) -> None:
    how = Disorder(opset=9, ir=3, listed=True, layers=("dense", "norm"))
    _, notes = put(tmp_path, model_of(how), {"x": samples()})
    assert notes == ("initializers were listed as inputs: 6", "opset 9 to 13")
    how = Disorder(function=True, constants=True, clashing=True, ir=3, listed=True)
    _, notes = put(tmp_path, model_of(how), {"x": samples()})
    assert notes[0].startswith("names that clash: ")
    assert notes[1:] == ("local functions: 1", "IR 3 to 8", "weights in Constant nodes: 1")


def test_it_comes_out_the_same_each_time(tmp_path: Path) -> None:
    how = Disorder(opset=8, ir=3, listed=True, clashing=True, constants=True)
    first = put(tmp_path, model_of(how), {"x": samples()})[0].read_bytes()
    assert put(tmp_path, model_of(how), {"x": samples()})[0].read_bytes() == first


def test_a_step_after_which_the_model_answers_otherwise_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bitgauge.coordinator.models.formats.onnx.order import versions

    def spoilt(model: Any, wanted: OrderTerms) -> Any:
        made = real(model, wanted)
        made.graph.initializer[0].CopyFrom(
            numpy_helper.from_array(np.zeros((WIDTH, WIDTH), np.float32), "w1")
        )
        return made

    real = versions.taken
    monkeypatch.setattr(versions, "taken", spoilt)
    how = Disorder(opset=9, ir=3, listed=True)
    after, notes = put(tmp_path, model_of(how), {"x": samples()})
    assert notes[0] == "initializers were listed as inputs: 2"
    assert notes[1].startswith("opset 9 to 13: left out, output 0 is off by ")
    assert onnx.load(after).opset_import[0].version == 9


def test_a_model_that_does_not_repeat_itself_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0)

    def noisy(_model: Any) -> order.Answers:
        return lambda feeds: [feeds["x"] + noise.standard_normal()]

    monkeypatch.setattr(order, "_WAYS", ((noisy, 4),))
    model = model_of(Disorder(opset=9))
    after, notes = put(tmp_path, model, {"x": samples()})
    assert after.read_bytes() == model.SerializeToString()
    assert notes[0].startswith("opset 9 to 13: left out, the model does not repeat itself: output")


def test_doubles_are_no_fp32_and_become_it_when_asked(tmp_path: Path) -> None:
    model, x = model_of(Disorder(doubles=True, layers=("dense",))), samples()
    after, notes = put(tmp_path, model, {"x": x})
    assert notes == ()
    facts = inspect_model(after)
    assert (facts.recipe, facts.float64) == (None, True)
    after, notes = put(tmp_path, model, {"x": x}, OrderTerms(float32=True))
    assert notes == ("doubles became float32: 2 tensors",)
    facts = inspect_model(after)
    assert (str(facts.recipe), facts.float64) == ("fp32", False)


def test_inputs_and_outputs_of_doubles_stay_doubles(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.eye(WIDTH), "w")
    shapes = [helper.make_tensor_value_info(one, TensorProto.DOUBLE, ["N", WIDTH]) for one in "xy"]
    product = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    graph = helper.make_graph([product], "g", shapes[:1], shapes[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = samples().astype(np.float64)
    after, _ = put(tmp_path, model, {"x": x}, OrderTerms(float32=True))
    facts = inspect_model(after)
    assert [one.dtype for one in facts.inputs] == ["float64"]
    assert [one.dtype for one in facts.outputs] == ["float64"]
    assert str(facts.recipe) == "fp32"
    np.testing.assert_allclose(run(onnx.load(after), x), x, rtol=1e-6)


def test_what_float32_cannot_hold_is_not_converted(tmp_path: Path) -> None:
    model = model_of(Disorder(doubles=True, layers=("scale",)))
    huge = numpy_helper.from_array(np.full(WIDTH, 1e300), model.graph.initializer[0].name)
    model.graph.initializer[0].CopyFrom(huge)
    _, notes = put(tmp_path, model, {"x": samples()}, OrderTerms(float32=True))
    name = model.graph.initializer[0].name
    assert notes == (
        f"doubles became float32: 1 tensors: left out, {name} holds a value that float32 cannot"
        " hold",
    )


def test_a_named_axis_gets_its_size(tmp_path: Path) -> None:
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "S"])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "S"])
    relu = helper.make_node("Relu", ["x"], ["y"], name="relu")
    graph = helper.make_graph([relu], "g", [shape], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    after, notes = put(tmp_path, model, {"x": samples()}, OrderTerms(dims=(("S", WIDTH),)))
    assert notes == (f"axes fixed: S = {WIDTH}",)
    assert inspect_model(after).inputs[0].shape == (None, WIDTH)


def test_weights_in_a_second_file_stay_with_the_model(tmp_path: Path) -> None:
    """Put in order, or copied as it is where it does not run."""
    model, x = model_of(Disorder(opset=9, ir=3, listed=True)), samples()
    before = with_external_data(model, tmp_path / "before")
    for name in ("sound", "other"):
        (tmp_path / name).mkdir()
    np.savez(tmp_path / "data.npz", **{"inputs/x": x})
    np.savez(tmp_path / "unfit.npz", **{"inputs/x": x[..., :1]})
    after = tmp_path / "sound" / "artifact"
    notes = order.put_in_order(before, tmp_path / "data.npz", NOTHING, after)
    assert notes
    assert not [note for note in notes if "left out" in note]
    assert companions(after) == ()
    np.testing.assert_allclose(run(onnx.load(after), x), run(model, x), rtol=1e-4, atol=1e-5)
    copy = tmp_path / "other" / "artifact"
    notes = order.put_in_order(before, tmp_path / "unfit.npz", NOTHING, copy)
    assert all("left out" in note for note in notes)
    assert companions(copy) == (WEIGHTS,)
    assert copy.read_bytes() == before.read_bytes()
