"""Options, placement, bindings and refusals of ONNX Runtime's CUDA provider, without a card.

The library is the published one; what it computes here is nothing, and no number is taken.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bitgauge.benchmarks.zoo import models
from onnx import TensorProto, helper

from tests.further.cuda import calls
from tests.further.cuda.conftest import StandIn
from tests.labs.graphs.built_modelopt import BUILT

MODELS = {one.name: str(one.path) for one in models()}
MLP = MODELS["digits-mlp"]
NAMES = Path(__file__).parents[2] / "agents/runtimes/ort/constructed/provider_options.json"
TF32, GRAPH, RESIDENT = {"tf32": "1"}, {"execution": "cudagraph"}, {"inputs": "resident"}
FALLBACK = {"provider.fallback": "processor"}


def test_a_card_is_offered_what_the_package_brings(card: StandIn) -> None:
    told = card.call(calls.described)
    assert told["providers"] == ["CPUExecutionProvider", "cuda"]
    assert told["options"]["tf32"] == ["1"]
    assert "provider" not in told["options"], "CUDA is what a card has, and no name of a row"
    assert "onnxruntime-gpu" in dict(told["versions"])
    assert len(told["versions"]) == len(dict(told["versions"]))
    assert told["missing"][0].startswith("TensorRT is not there")


@pytest.mark.parametrize("further", [{}, TF32, GRAPH])
def test_every_option_that_is_set_is_one_that_the_provider_reads(
    card: StandIn, further: dict[str, str]
) -> None:
    told = card.call(calls.echoed, further)
    assert told["read"] == told["given"]
    assert told["read"]["use_tf32"] == further.get("tf32", "0")
    assert told["tensorrt"] == 14


def test_the_committed_names_are_those_of_the_wheel(card: StandIn) -> None:
    committed = json.loads(NAMES.read_text())
    del committed["source"]
    assert card.call(calls.names) == committed


@pytest.mark.parametrize(
    ("provider", "option", "value", "why"),
    [
        ("cuda", "use_tf23", "0", "Unknown provider option"),
        ("cuda", "device_id", "1", "Invalid device ID"),
        ("tensorrt", "trt_int9_enable", "True", "Invalid TensorRT EP option"),
        ("tensorrt", "trt_int8_enable", "1", "should be 'True' or 'False'"),
    ],
)
def test_a_wrong_name_is_refused_by_the_library_itself(
    card: StandIn, provider: str, option: str, value: str, why: str
) -> None:
    assert why in card.call(calls.refused_by_provider, provider, option, value)


@pytest.mark.parametrize("model", MODELS)
def test_every_node_of_the_zoo_goes_to_the_card(card: StandIn, model: str) -> None:
    told = card.call(calls.told, MODELS[model], {})
    there, _, all_of_them = told["placed"].partition(" of ")
    assert there == all_of_them.partition(" ")[0]
    assert told["placed work"].startswith("100 % of ")
    assert "unknown" not in told["placed work"]
    assert told["CUDAExecutionProvider.use_tf32"] == "0"
    assert told["inputs"], told["cuda graph"] == ("transferred", "none")
    assert "libcudart.so.13" in told["libraries"]
    assert "tells nothing of its arena" in told["arena"]


def test_the_reference_is_on_the_card_too(card: StandIn) -> None:
    """It has no option and no stack: a host's latency would stand in the row of a card."""
    assert " on cuda" in card.call(calls.as_reference, MLP)["placed"]


@pytest.mark.parametrize("recipe", ["int8-modelopt_max-cal", "fp8-modelopt_max-cal"])
def test_codes_are_computed_as_floats_and_the_session_says_so(card: StandIn, recipe: str) -> None:
    told = card.call(calls.told, str(BUILT / f"dense-{recipe}.onnx"), {})
    assert "2 Gemm" in told["executes"]
    assert "QLinear" not in told["executes"]
    assert "1 Relu" in told["executes"], "it cuts codes of 8-bit floats, which may be negative"
    assert told["session.disable_quant_qdq"] == "1"
    assert told["placed work"].startswith("100 % of ")


def test_what_would_fall_back_is_refused_unless_it_is_allowed(
    card: StandIn, tmp_path: Path
) -> None:
    path = tmp_path / "det.onnx"
    kind = TensorProto.FLOAT
    nodes = [
        helper.make_node("MatMul", ["x", "x"], ["p"], name="product"),
        helper.make_node("Det", ["p"], ["y"], name="it"),
    ]
    ends = [helper.make_tensor_value_info("x", kind, [4, 4])]
    made = [helper.make_tensor_value_info("y", kind, [])]
    opsets = [helper.make_opsetid("", 17)]
    graph = helper.make_graph(nodes, "g", ends, made)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    path.write_bytes(model.SerializeToString())
    refused = card.call(calls.told, str(path), {})
    assert refused["code"] == "fell_back"
    assert "1 of 2 operators would run on the processor: Det 'it'" in refused["sentence"]
    assert "provider.fallback=processor allows that" in refused["sentence"]
    told = card.call(calls.told, str(path), FALLBACK)
    assert told["on the processor"] == "Det 'it'"
    assert told["placed"] == "1 of 2 nodes on cuda"
    assert told["placed work"] == "100 % of 64 multiplications on cuda"


@pytest.mark.parametrize("further", [{}, RESIDENT, GRAPH, GRAPH | RESIDENT, {"cache": "cold"}])
def test_calls_of_several_batches_reach_the_card(card: StandIn, further: dict[str, str]) -> None:
    """And are timed by events of the queue that the provider hands its work to."""
    told = card.call(calls.called, MLP, further)
    assert told["shapes"] == [[4, 10], [2, 10], [4, 10]]
    pairs = zip(told["took_ns"], told["handing_over_ns"], strict=True)
    assert all(took > handing / 2 > 0 for took, handing in pairs)
    assert told["is_cold"] == ("cache" in further)


def test_nothing_of_the_host_s_kernels_is_said_of_the_card_s(card: StandIn) -> None:
    assert card.call(calls.probed) == {"kernels": {}, "anchors": {}}


def test_without_a_driver_nothing_runs_on_the_processor_instead(card: StandIn) -> None:
    told = card.call(calls.told, MLP, {}, LD_LIBRARY_PATH="/nowhere")
    assert told["code"] == "driver_missing"
    assert "libcuda.so.1 cannot be loaded" in told["sentence"]


def test_a_part_of_cuda_that_is_missing_is_named(card: StandIn, tmp_path: Path) -> None:
    (tmp_path / "libcuda.so.1").symlink_to(card.folder / "libcuda.so.1")
    told = card.call(calls.told, MLP, {}, LD_LIBRARY_PATH=str(tmp_path))
    assert told["code"] == "provider_failed"
    assert "libcublas.so.13 and libcublasLt.so.13 cannot be loaded" in told["sentence"]


def test_memory_of_the_card_that_runs_out_is_said(card: StandIn) -> None:
    told = card.call(calls.told, MLP, {}, FAKE_CUDA_MEMORY_BYTES="65536")
    assert told["code"] == "out_of_device_memory", told


def test_no_card_is_one_sentence(card: StandIn) -> None:
    told = card.call(calls.told, MLP, {}, FAKE_CUDA_DEVICES="0")
    assert told["code"] == "device_hidden"
    assert "no CUDA-capable device is detected" in told["sentence"]
    assert "\n" not in told["sentence"]
