"""Tensors are found wherever a model keeps them, and none claims more than it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.numerics.external_data import is_external, tensors
from bitgauge.benchmarks.numerics.onnx_operators import messages
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.models.formats.onnx import external, facts_of
from bitgauge.coordinator.models.recognise import companions, inspect_model
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

FLOATS = numpy_helper.from_array(np.zeros(4, np.float32), "w")
SCALAR = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])


def outside(location: str = "/etc/passwd", name: str = "hidden") -> Any:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


def graph_of(tensor: Any, name: str = "inner") -> Any:
    nodes = [helper.make_node("Identity", [tensor.name], ["y"])]
    return helper.make_graph(nodes, name, [], [SCALAR], [tensor])


def small() -> Any:
    return ModelProto.FromString(zoo.models()[0].path.read_bytes())


def function_of(*nodes: Any) -> Any:
    return helper.make_function("own", "f", [], ["y"], list(nodes), [helper.make_opsetid("", 17)])


def in_a_function(model: Any, tensor: Any) -> None:
    model.functions.append(function_of(helper.make_node("Constant", [], ["y"], value=tensor)))


def in_a_branch_of_a_function(model: Any, tensor: Any) -> None:
    branch = helper.make_node(
        "If", ["c"], ["y"], then_branch=graph_of(tensor), else_branch=graph_of(FLOATS)
    )
    model.functions.append(function_of(branch))


def in_a_branch_of_a_branch_of_a_function(model: Any, tensor: Any) -> None:
    inner = helper.make_node(
        "If", ["c"], ["y"], then_branch=graph_of(tensor), else_branch=graph_of(FLOATS)
    )
    outer = helper.make_graph([inner], "outer", [], [SCALAR])
    branch = helper.make_node("If", ["c"], ["y"], then_branch=outer, else_branch=graph_of(FLOATS))
    model.functions.append(function_of(branch))


def in_a_default_of_a_function(model: Any, tensor: Any) -> None:
    function = function_of(helper.make_node("Constant", [], ["y"], value=FLOATS))
    function.attribute_proto.append(helper.make_attribute("given", tensor))
    model.functions.append(function)


def in_a_list_of_an_attribute(model: Any, tensor: Any) -> None:
    item = AttributeProto(name="many", type=AttributeProto.TENSORS, tensors=[FLOATS, tensor])
    model.graph.node[0].attribute.append(item)


def in_a_list_of_graphs(model: Any, tensor: Any) -> None:
    graphs = [graph_of(FLOATS), graph_of(tensor)]
    item = AttributeProto(name="many", type=AttributeProto.GRAPHS, graphs=graphs)
    model.graph.node[0].attribute.append(item)


def in_a_sparse_initializer(model: Any, tensor: Any) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(tensor)
    sparse.indices.CopyFrom(numpy_helper.from_array(np.arange(4), "at"))
    sparse.dims.append(8)


def in_a_sparse_attribute(model: Any, tensor: Any) -> None:
    item = model.graph.node[0].attribute.add()
    item.name, item.type = "sparse_value", AttributeProto.SPARSE_TENSOR
    item.sparse_tensor.values.CopyFrom(FLOATS)
    item.sparse_tensor.indices.CopyFrom(tensor)
    item.sparse_tensor.dims.append(8)


def in_training(model: Any, tensor: Any) -> None:
    model.training_info.add().initialization.CopyFrom(graph_of(tensor))


PLACES = (
    in_a_function,
    in_a_branch_of_a_function,
    in_a_branch_of_a_branch_of_a_function,
    in_a_default_of_a_function,
    in_a_list_of_an_attribute,
    in_a_list_of_graphs,
    in_a_sparse_initializer,
    in_a_sparse_attribute,
    in_training,
)


@pytest.mark.parametrize("place", PLACES)
def test_a_file_is_seen_wherever_it_is_named(
    place: Callable[[Any, Any], None], tmp_path: Path
) -> None:
    model = small()
    place(model, outside())
    assert [one.name for one in tensors(model) if is_external(one)] == ["hidden"]
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    for look in (inspect_model, companions):
        with pytest.raises(BadInput, match="absolute path") as error:
            look(path)
        assert error.value.code is Code.EXTERNAL_DATA


def test_an_engine_is_seen_in_a_branch_of_a_function() -> None:
    model = small()
    engine = helper.make_node("EPContext", ["w"], ["y"], domain="com.microsoft")
    body = helper.make_graph([engine], "inner", [], [SCALAR], [FLOATS])
    branch = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=graph_of(FLOATS))
    model.functions.append(function_of(branch))
    assert [one.op_type for one in messages(model, "NodeProto")].count("EPContext") == 1
    with pytest.raises(BadInput, match="prebuilt engine"):
        facts_of(model.SerializeToString(), "m")


def tensor_of(dims: list[int], **values: Any) -> Any:
    return TensorProto(name="t", dims=dims, **values)


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (tensor_of([1 << 20, 1 << 20], data_type=1, raw_data=bytes(4)), "1099511627776 values; it"),
        (tensor_of([5], data_type=1, float_data=[1.0]), "has 5 values; it holds 1"),
        (tensor_of([3], data_type=14, float_data=[1.0] * 4), "has 3 values; it holds 2"),
        (tensor_of([5], data_type=8, string_data=[b"a"]), "has 5 values; it holds 1"),
        (tensor_of([5], data_type=22, int32_data=[1, 2]), "has 5 values; it holds 4"),
        (tensor_of([-2, -2], data_type=1, raw_data=bytes(16)), "a negative size"),
    ],
)
def test_a_shape_is_that_of_its_values(tensor: Any, said: str) -> None:
    model = small()
    model.graph.initializer.append(tensor)
    with pytest.raises(BadInput, match=said) as error:
        facts_of(model.SerializeToString(), "m")
    assert error.value.code is Code.BAD_MODEL


@pytest.mark.parametrize(
    "tensor",
    [
        tensor_of([4], data_type=14, float_data=[1.0] * 8),
        tensor_of([4], data_type=22, int32_data=[1, 2]),
        tensor_of([3], data_type=22, raw_data=b"ab"),
        tensor_of([2], data_type=10, int32_data=[1, 2]),
        tensor_of([0, 7], data_type=1),
        tensor_of([2], data_type=11, double_data=[1.0, 2.0]),
    ],
)
def test_what_holds_its_values_is_taken(tensor: Any) -> None:
    model = small()
    model.graph.initializer.append(tensor)
    model.opset_import[0].version, model.ir_version = 21, 10
    assert facts_of(model.SerializeToString(), "m").parameter_count


def test_a_sparse_tensor_of_a_few_values_is_none_of_terabytes() -> None:
    model = small()
    in_a_sparse_initializer(model, FLOATS)
    model.graph.sparse_initializer[0].dims[:] = [1 << 40]
    with pytest.raises(BadInput, match="makes 4398046511104 bytes out of 16 stored") as error:
        facts_of(model.SerializeToString(), "m")
    assert error.value.code is Code.BAD_MODEL


def shared(tmp_path: Path, count: int) -> Path:
    """A model of so many tensors that all have the same bytes."""
    model = small()
    for number in range(count):
        model.graph.initializer.append(outside("weights.bin", f"w{number}"))
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_tied_weights_are_taken_and_many_of_one_region_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inspect_model(shared(tmp_path, 1000)).parameter_count
    monkeypatch.setattr(external, "FREE_BYTES", 0)
    assert inspect_model(shared(tmp_path, external.MAX_SHARED)).parameter_count
    with pytest.raises(BadInput, match="80 bytes of tensors from files of 16") as error:
        inspect_model(shared(tmp_path, external.MAX_SHARED + 1))
    assert error.value.code is Code.EXTERNAL_DATA


def test_a_place_that_is_said_twice_is_none(tmp_path: Path) -> None:
    model = small()
    tensor = outside("weights.bin")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    model.graph.initializer.append(tensor)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    with pytest.raises(BadInput) as error:
        inspect_model(path)
    assert error.value.code is Code.EXTERNAL_DATA
