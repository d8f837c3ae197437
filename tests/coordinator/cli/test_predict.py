"""`bitgauge predict-saturation`: what it prints, and one sentence for every bad input."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import write_evaluation_set
from bitgauge.coordinator.cli import app as cli

from tests.labs.integer import Case, model
from tests.labs.qdq import Qdq, build
from tests.labs.sets import WEIGHTS, with_external_data


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.run_command_line(["predict-saturation", *(str(one) for one in arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_unsafe_weights_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "unsafe.onnx"
    build(Qdq("Conv"), path)
    code, out, _ = run(capsys, path)
    assert code == 0
    assert "Its one integer layer may saturate; --data tells how often." in out
    assert "7-bit weights" in out
    assert "QLinearConv" in out


def test_seven_bit_weights_are_safe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "safe.onnx"
    build(Qdq(seven_bits=True), path)
    code, out, _ = run(capsys, path)
    assert code == 0
    assert "Its one integer layer cannot saturate, whatever the input." in out
    assert "7-bit weights" not in out


def test_computed_weights_may_saturate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "computed.onnx"
    path.write_bytes(model(Case("QLinearMatMul", "u8", "s8", (40, 64), (64, 50), False))[0])
    code, out, _ = run(capsys, path, "--json")
    found = json.loads(out)
    assert code == 0
    assert [one["verdict"] for one in found["layers"]] == ["may saturate"]
    assert found["layers"][0]["unsafe_pct"] is None


def test_data_tells_how_often(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, data = tmp_path / "model.onnx", tmp_path / "set.npz"
    write_evaluation_set(data, build(Qdq(), path))
    code, out, _ = run(capsys, path, "--data", data, "--json")
    (layer,) = json.loads(out)["layers"]
    assert code == 0
    assert layer["verdict"] == "saturates"
    assert layer["saturated_pct"] > 0.1
    assert layer["wrong_outputs_pct"] > 10
    code, out, _ = run(capsys, path, "--data", data)
    assert "Its one integer layer saturates on this data." in out
    assert "On 64 samples" in out


def test_some_of_the_samples_are_said_to_be_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, data = tmp_path / "model.onnx", tmp_path / "set.npz"
    write_evaluation_set(data, build(Qdq(), path))
    code, out, _ = run(capsys, path, "--data", data, "--samples", 10, "--json")
    assert (code, json.loads(out)["samples"], json.loads(out)["of_samples"]) == (0, 10, 64)
    _, out, _ = run(capsys, path, "--data", data, "--samples", 10)
    assert "On 10 of 64 samples (--samples runs more)" in out
    code, _, err = run(capsys, path, "--samples", 10)
    assert code == 2
    assert "give both" in err


def test_the_judged_output_is_chosen_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, data = tmp_path / "model.onnx", tmp_path / "set.npz"
    write_evaluation_set(data, build(Qdq(), path))
    [name] = [one.name for one in onnx.load(path).graph.output]
    code, out, _ = run(capsys, path, "--data", data, "--output", name)
    assert (code, out) == (0, run(capsys, path, "--data", data)[1])
    code, _, err = run(capsys, path, "--data", data, "--output", "logitz")
    assert code == 2
    assert "'logitz'" in err
    assert name in err
    code, _, err = run(capsys, path, "--output", name)
    assert code == 2
    assert "give both" in err


def test_float_models_have_nothing_to_saturate(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, zoo.models()[0].path)
    assert (code, out.count("\n")) == (0, 1)
    assert "has no integer weights" in out


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle", b"no model at all"])
def test_a_bad_model_is_one_sentence(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    code, out, err = run(capsys, path)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "bad.onnx" in err
    assert err.count("\n") == 1


def test_a_bad_set_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, data = tmp_path / "model.onnx", tmp_path / "set.npz"
    build(Qdq(), path)
    data.write_bytes(b"no archive")
    code, out, err = run(capsys, path, "--data", data)
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, out, err = run(capsys, path, "--data", zoo.evaluation_path())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "inputs" in err


def test_weights_in_a_second_file_change_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unsafe.onnx"
    build(Qdq("Conv"), path)
    wanted = json.loads(run(capsys, path, "--json")[1])
    outside = with_external_data(onnx.load(str(path)), tmp_path / "outside")
    code, out, _ = run(capsys, outside, "--json")
    assert (code, json.loads(out)) == (0, wanted)
    assert wanted["seven_bit_layers"]
    (outside.parent / WEIGHTS).unlink()
    code, _, err = run(capsys, outside)
    assert code == 2
    assert "keeps weights in 'weights/model.bin', which is not beside it." in err
