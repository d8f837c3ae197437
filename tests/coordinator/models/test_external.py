"""Models whose weights lie in further files: the same facts, and a sentence for each that lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.numerics.external_data import is_external, tensors, whole_model
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.models.recognise import companions, inspect_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from onnx import TensorProto, helper, numpy_helper

from tests.labs.sets import WEIGHTS, with_external_data


def dense(weight: Any) -> Any:
    inner = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(weight, "cv"))
    nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), inner]
    nodes.append(helper.make_node("Add", ["m", "c"], ["y"]))
    kind = helper.np_dtype_to_tensor_dtype(weight.dtype)
    rows = [helper.make_tensor_value_info(name, kind, ["n", None]) for name in "xy"]
    graph = helper.make_graph(
        nodes, "g", rows[:1], rows[1:], [numpy_helper.from_array(weight, "w")]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return with_external_data(dense(np.arange(16, dtype=np.float32).reshape(4, 4)), tmp_path)


@pytest.mark.parametrize("model", zoo.models(), ids=lambda one: one.name)
def test_the_facts_are_those_of_one_file(model: zoo.ZooModel, tmp_path: Path) -> None:
    whole = inspect_model(model.path)
    path = with_external_data(onnx.load(str(model.path)), tmp_path)
    found = inspect_model(path)
    assert replace(found, size_bytes=0) == replace(whole, size_bytes=0)
    assert found.size_bytes == path.stat().st_size + (tmp_path / WEIGHTS).stat().st_size
    assert companions(path) == (WEIGHTS,)
    assert companions(model.path) == ()


def test_the_recipe_is_read_from_weights_outside(tmp_path: Path) -> None:
    """Whether weights stay within 7 bits is seen in their values alone."""
    for recipe in ("int8-dynamic", "int8-dynamic-rr"):
        built = tmp_path / recipe
        registry.build(BuildRequest(parse(recipe), zoo.models()[0].path, built))
        path = with_external_data(onnx.load(str(built)), tmp_path / f"{recipe}-outside")
        os.link(tmp_path / f"{recipe}-outside" / WEIGHTS, tmp_path / f"{recipe}-link")
        assert str(inspect_model(path).recipe) == recipe


@given(
    weight=st_numpy.arrays(
        st.sampled_from([np.float32, np.float16, np.float64]),
        st.tuples(st.integers(1, 5), st.integers(1, 5)),
        elements=st.floats(-8, 8, width=16),
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_made_whole_it_is_the_model_that_it_was(
    weight: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = dense(weight)
    path = with_external_data(model, tmp_path_factory.mktemp("m"))
    assert any(map(is_external, tensors(onnx.load(str(path), load_external_data=False))))
    again = onnx.load_model_from_string(whole_model(path))
    assert not any(map(is_external, tensors(again)))
    values = {one.name: numpy_helper.to_array(one) for one in tensors(again)}
    assert values.keys() == {"w", "cv"}
    for found in values.values():
        np.testing.assert_array_equal(found, weight)


def test_packed_and_empty_tensors_have_their_sizes(tmp_path: Path) -> None:
    model = dense(np.ones((2, 2), np.float32))
    four_bits = helper.make_tensor("four", TensorProto.INT4, [3], b"\x21\x03", raw=True)
    nothing = numpy_helper.from_array(np.zeros((0, 4), np.float32), "nothing")
    model.graph.initializer.extend([four_bits, nothing])
    model.opset_import[0].version, model.ir_version = 21, 10
    path = with_external_data(model, tmp_path)
    assert inspect_model(path).size_bytes > 0
    again = {one.name: one for one in tensors(onnx.load_model_from_string(whole_model(path)))}
    assert again["four"].raw_data == b"\x21\x03"


def changed(path: Path, **said: str) -> None:
    model = onnx.load(str(path), load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = said.get(entry.key, entry.value)
    path.write_bytes(model.SerializeToString())


def emptied(path: Path) -> None:
    (path.parent / WEIGHTS).write_bytes(b"short")


def linked(path: Path) -> None:
    weights = path.parent / WEIGHTS
    weights.rename(path.parent / "elsewhere")
    weights.symlink_to(path.parent / "elsewhere")


def folder_linked(path: Path) -> None:
    (path.parent / "weights").rename(path.parent / "there")
    (path.parent / "weights").symlink_to("there")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: (path.parent / WEIGHTS).unlink(), "which is not beside it."),
        (emptied, "that file has 5."),
        (linked, "which is a link or no plain file."),
        (folder_linked, "which is a link or no plain file."),
        (lambda path: changed(path, location="/etc/passwd"), "which is an absolute path."),
        (lambda path: changed(path, location="../x"), "which leaves the folder of the model."),
        (lambda path: changed(path, location="weights/../../x"), "leaves the folder of the model."),
        (lambda path: changed(path, location="weights"), "which is a link or no plain file."),
        (lambda path: changed(path, location=""), "and names no file."),
        (lambda path: changed(path, location="*/_ORT_MEM_ADDR_/*"), "which is not beside it."),
        (lambda path: changed(path, offset="-4"), "wants bytes -4 to 60"),
        (lambda path: changed(path, offset="1e3"), "that is no number."),
        (lambda path: changed(path, length="60"), "gives 60 bytes to tensor 'w'"),
        (lambda path: changed(path, offset="100"), "wants bytes 100 to 164"),
    ],
)
def test_what_is_not_as_it_says_is_one_sentence(
    path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(path)
    with pytest.raises(BadInput) as caught:
        inspect_model(path, "model.onnx")
    assert caught.value.code is Code.EXTERNAL_DATA
    assert said in caught.value.sentence
    assert caught.value.sentence.startswith("model.onnx ")
    assert str(path.parent) not in caught.value.sentence


def test_a_model_that_is_no_single_file_any_more_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitgauge.benchmarks.numerics.external_data.MAX_MESSAGE_BYTES", 200)
    with pytest.raises(ValueError, match="do not fit into one file"):
        whole_model(path)
    assert inspect_model(path).parameter_count == 32


def test_files_that_name_no_others_cost_no_look(tmp_path: Path) -> None:
    for name, data in (("empty", b""), ("text", b"location"), ("set", b"PK\x03\x04location")):
        (tmp_path / name).write_bytes(data)
        assert companions(tmp_path / name) == ()
