"""`bitgauge predict-saturation`: what it prints, and one sentence for every bad input."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import write_evaluation_set

from tests.labs.integer import Case, model
from tests.labs.qdq import Qdq, build
from tests.labs.rooms.typed import Bitgauge
from tests.labs.sets import WEIGHTS, with_external_data

PREDICT = "predict-saturation"


def test_unsafe_weights_are_named(tmp_path: Path, bitgauge: Bitgauge) -> None:
    path = tmp_path / "unsafe.onnx"
    build(Qdq("Conv"), path)
    out = bitgauge(PREDICT, path).out
    assert "Its one integer layer may saturate; --data tells how often." in out
    assert "7-bit weights" in out
    assert "QLinearConv" in out


def test_seven_bit_weights_are_safe(tmp_path: Path, bitgauge: Bitgauge) -> None:
    path = tmp_path / "safe.onnx"
    build(Qdq(seven_bits=True), path)
    out = bitgauge(PREDICT, path).out
    assert "Its one integer layer cannot saturate, whatever the input." in out
    assert "7-bit weights" not in out


def test_computed_weights_may_saturate(tmp_path: Path, bitgauge: Bitgauge) -> None:
    path = tmp_path / "computed.onnx"
    path.write_bytes(model(Case("QLinearMatMul", "u8", "s8", (40, 64), (64, 50), False))[0])
    out = bitgauge(PREDICT, path, "--json").out
    found = json.loads(out)
    assert [one["verdict"] for one in found["layers"]] == ["may saturate"]
    assert found["layers"][0]["unsafe_pct"] is None


def test_data_tells_how_often(tmp_path: Path, bitgauge: Bitgauge) -> None:
    path, data = tmp_path / "model.onnx", tmp_path / "set.npz"
    write_evaluation_set(data, build(Qdq(), path))
    out = bitgauge(PREDICT, path, "--data", data, "--json").out
    (layer,) = json.loads(out)["layers"]
    assert layer["verdict"] == "saturates"
    assert layer["saturated_pct"] > 0.1
    assert layer["wrong_outputs_pct"] > 10
    out = bitgauge(PREDICT, path, "--data", data).out
    assert "Its one integer layer saturates on this data." in out
    assert "On 64 samples" in out


def test_some_of_the_samples_are_said_to_be_some(tmp_path: Path, bitgauge: Bitgauge) -> None:
    path, data = tmp_path / "model.onnx", tmp_path / "set.npz"
    write_evaluation_set(data, build(Qdq(), path))
    out = bitgauge(PREDICT, path, "--data", data, "--samples", 10, "--json").out
    assert (json.loads(out)["samples"], json.loads(out)["of_samples"]) == (10, 64)
    assert (
        "On 10 of 64 samples (--samples runs more)"
        in bitgauge(PREDICT, path, "--data", data, "--samples", 10).out
    )
    assert "give both" in bitgauge(PREDICT, path, "--samples", 10, code=2).err


def test_the_judged_output_is_chosen_by_its_name(tmp_path: Path, bitgauge: Bitgauge) -> None:
    path, data = tmp_path / "model.onnx", tmp_path / "set.npz"
    write_evaluation_set(data, build(Qdq(), path))
    [name] = [one.name for one in onnx.load(path).graph.output]
    out = bitgauge(PREDICT, path, "--data", data, "--output", name).out
    assert out == bitgauge(PREDICT, path, "--data", data).out
    err = bitgauge(PREDICT, path, "--data", data, "--output", "logitz", code=2).err
    assert "'logitz'" in err
    assert name in err
    assert "give both" in bitgauge(PREDICT, path, "--output", name, code=2).err


def test_float_models_have_nothing_to_saturate(bitgauge: Bitgauge) -> None:
    out = bitgauge(PREDICT, zoo.models()[0].path).out
    assert out.count("\n") == 1
    assert "has no integer weights" in out


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle", b"no model at all"])
def test_a_bad_model_is_one_sentence(
    content: bytes | None, tmp_path: Path, bitgauge: Bitgauge
) -> None:
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    assert "bad.onnx" in bitgauge.refuses(PREDICT, path)


def test_a_bad_set_is_one_sentence(tmp_path: Path, bitgauge: Bitgauge) -> None:
    path, data = tmp_path / "model.onnx", tmp_path / "set.npz"
    build(Qdq(), path)
    data.write_bytes(b"no archive")
    bitgauge.refuses(PREDICT, path, "--data", data)
    assert "inputs" in bitgauge.refuses(PREDICT, path, "--data", zoo.evaluation_path())


def test_weights_in_a_second_file_change_nothing(tmp_path: Path, bitgauge: Bitgauge) -> None:
    path = tmp_path / "unsafe.onnx"
    build(Qdq("Conv"), path)
    wanted = json.loads(bitgauge(PREDICT, path, "--json").out)
    outside = with_external_data(onnx.load(str(path)), tmp_path / "outside")
    assert json.loads(bitgauge(PREDICT, outside, "--json").out) == wanted
    assert wanted["seven_bit_layers"]
    (outside.parent / WEIGHTS).unlink()
    assert (
        "keeps weights in 'weights/model.bin', which is not beside it."
        in bitgauge(PREDICT, outside, code=2).err
    )
