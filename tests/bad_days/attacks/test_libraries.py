"""A model that names a library, in every way there is: none is loaded from a path that it names.

What opens models is called without a sandbox here, so that nothing but itself refuses.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.agents.sandbox.environment import child_environment
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from bitgauge.coordinator.models.recognise import inspect_model
from bitgauge.coordinator.tasks import order, reference
from bitgauge.coordinator.tasks.nursery.nursery import environment_of

from tests.labs.graphs import hungry

BY_MODEL = "ORT_LOAD_CONFIG_FROM_MODEL"
"""With it ONNX Runtime takes session options from what a model says of itself."""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A real one, under a name of its own, so that it is seen when it is loaded."""
    found = importlib.util.find_spec("msgspec._core")
    assert found is not None
    assert found.origin is not None
    return Path(shutil.copy(found.origin, tmp_path / "evil.so"))


def loaded(path: Path) -> bool:
    return str(path) in Path("/proc/self/maps").read_text()


def says_so_of_itself(model: onnx.ModelProto, library: str) -> None:
    options = {"session_options": {"session.custom_ops_library": library, "ep.library": library}}
    for key in ("ort_config", "custom_ops_library", "ep_library_path"):
        entry = model.metadata_props.add()
        entry.key = key
        entry.value = json.dumps(options) if key == "ort_config" else library


def has_an_operator_of_its_own(model: onnx.ModelProto, library: str) -> None:
    model.opset_import.add(domain="evil", version=1)
    node = onnx.helper.make_node(
        "Run", [model.graph.input[0].name], ["ran"], domain="evil", library=library
    )
    model.graph.node.insert(0, node)


def asks_for_python(model: onnx.ModelProto, library: str) -> None:
    begins_with(model, "PyOp", module=library, class_name="Evil", compute="run")


def wraps_an_engine(model: onnx.ModelProto, library: str) -> None:
    begins_with(model, "EPContext", embed_mode=0, ep_cache_context=library)


def begins_with(model: onnx.ModelProto, operator: str, **attributes: Any) -> None:
    seen = [model.graph.input[0].name]
    node = onnx.helper.make_node(operator, seen, ["ran"], domain="com.microsoft", **attributes)
    model.graph.node.insert(0, node)


def keeps_weights_in_it(model: onnx.ModelProto, library: str) -> None:
    tensor = model.graph.initializer.add()
    tensor.name, tensor.data_type = "w", onnx.TensorProto.FLOAT
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.dims.append(4)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", library


@pytest.mark.parametrize(
    "names",
    [
        says_so_of_itself,
        has_an_operator_of_its_own,
        asks_for_python,
        wraps_an_engine,
        keeps_weights_in_it,
    ],
)
def test_no_library_is_loaded_from_a_path_that_a_model_names(
    names: Callable[[onnx.ModelProto, str], None],
    library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = hungry.exploding(doublings=0)
    names(model, str(library))
    path, samples = tmp_path / "model.onnx", tmp_path / "set.npz"
    path.write_bytes(model.SerializeToString())
    labels = np.zeros(8, np.int64)
    ids: Any = np.array([str(n) for n in range(8)])
    write_evaluation_set(samples, EvaluationSet({"x": hungry.inputs(0, 8)}, ids=ids, labels=labels))
    monkeypatch.delenv(BY_MODEL, raising=False)
    monkeypatch.chdir(tmp_path)  # where a library leaves its own

    def build(recipe: str) -> None:
        registry.build(BuildRequest(parse(recipe), path, tmp_path / recipe, samples))

    refused = 0
    for work in (
        lambda: inspect_model(path),
        lambda: order.put_in_order(path, samples, order.wanted_by("order"), tmp_path / "ordered"),
        lambda: reference.evaluate(path, samples, tmp_path / "reference", 1, BuildLog()),
        lambda: build("int8-dynamic"),
        lambda: build("int8-static-u8s8-pc"),
        lambda: build("fp16"),
    ):
        try:
            work()
        except (BitgaugeError, Unsupported, OSError):
            refused += 1
    assert not loaded(library)
    if names is not says_so_of_itself:
        assert refused >= 4, "what cannot be run is not run"


def test_no_variable_makes_a_model_choose_its_options(tmp_path: Path) -> None:
    set_by_somebody = {BY_MODEL: "1", "LD_PRELOAD": "/tmp/evil.so", "PATH": "/usr/bin"}
    child = child_environment(set_by_somebody, mark="m", threads=1, folder=tmp_path)
    for found in (child, environment_of(set_by_somebody)):
        assert found["PATH"] == "/usr/bin"
        assert BY_MODEL not in found
        assert "LD_PRELOAD" not in found
