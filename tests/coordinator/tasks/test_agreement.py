"""Two FP32 forms of one model are run on samples, and what differs is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.coordinator.builders.base import Unsupported
from bitgauge.coordinator.models.recognise import inspect_model, kind_of
from bitgauge.coordinator.tasks.agreement import (
    SAMPLES,
    TOLERANCE,
    Agreed,
    FormFile,
    agree,
    answer,
)
from onnx import numpy_helper

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")


def form(path: Path) -> FormFile:
    return FormFile(path, kind_of(path), inspect_model(path).inputs)


def held(baseline: Path, other: Path) -> Agreed:
    samples = read_evaluation_set(zoo.calibration_path())
    return agree(form(baseline), form(other), samples, "the calibration set")


def changed(folder: Path, model: Path, by: float) -> Path:
    """The same network with one weight moved by a share of its largest."""
    graph = onnx.load(str(model))
    tensor = next(one for one in graph.graph.initializer if len(one.dims) >= 2)
    array = numpy_helper.to_array(tensor).copy()
    array.flat[np.argmax(np.abs(array))] *= 1 + by
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    path = folder / "changed.onnx"
    onnx.save(graph, str(path))
    return path


@pytest.mark.parametrize("model", zoo.models(), ids=lambda one: one.name)
def test_the_forms_of_the_zoo_agree(model: zoo.ZooModel) -> None:
    """The LiteRT files hold one sample a call, the ONNX files any number."""
    found = held(model.path, model.path.with_suffix(".tflite"))
    assert not found.differs, found.words
    assert f"agrees with the baseline on {SAMPLES} samples of the calibration set" in found.words
    assert "in output logits" in found.words


def test_another_network_is_told_by_its_output_and_by_how_much(tmp_path: Path) -> None:
    model = zoo.models()[0].path
    found = held(changed(tmp_path, model, 0.05), model.with_suffix(".tflite"))
    assert found.differs
    assert found.words.startswith("output logits is off by ")
    assert f"{TOLERANCE:g} counts as rounding" in found.words


def test_rounding_is_no_difference(tmp_path: Path) -> None:
    model = zoo.models()[0].path
    assert not held(changed(tmp_path, model, 1e-7), model.with_suffix(".tflite")).differs


def test_what_nothing_here_runs_is_said() -> None:
    model = zoo.models()[0].path
    samples = read_evaluation_set(zoo.calibration_path())
    strange = replace(form(model), kind="strange")
    found = agree(form(model), strange, samples, "the calibration set")
    assert found == Agreed("not compared with the baseline: nothing here runs strange")


def test_what_an_environment_answered_is_held_against_the_baseline(tmp_path: Path) -> None:
    """The first tensor that differs is named, of those that go by one name in both."""
    model, samples = zoo.models()[0].path, read_evaluation_set(zoo.calibration_path())
    for name, path in (("same", model), ("other", changed(tmp_path, model, 0.05))):
        answer(path, "onnx", zoo.calibration_path(), tmp_path / name, None)
    there = form(model.with_suffix(".pt2"))

    def found(answered: Path | str) -> Agreed:
        elsewhere = replace(there, answered=answered)
        return agree(form(model), elsewhere, samples, "the calibration set")

    assert found(tmp_path / "same").words.endswith(
        "the largest difference is 0 of 5.99, in output logits"
    )
    other = found(tmp_path / "other")
    assert other.differs
    assert "; the first tensor that differs is " in other.words
    assert found("no torch here") == Agreed("not compared with the baseline: no torch here")


def test_a_form_that_takes_no_sample_has_no_answer(tmp_path: Path) -> None:
    with np.load(zoo.calibration_path()) as file:
        kept = {name: file[name] for name in file.files}
    kept["inputs/pixels"] = kept["inputs/pixels"][:, :, :4]
    np.savez(tmp_path / "short.npz", allow_pickle=False, **kept)
    with pytest.raises(Unsupported, match="pixels"):
        answer(zoo.models()[0].path, "onnx", tmp_path / "short.npz", tmp_path / "out", None)


def test_a_form_that_does_not_load_is_said(tmp_path: Path) -> None:
    model = zoo.models()[0].path
    broken = tmp_path / "m.tflite"
    broken.write_bytes(model.with_suffix(".tflite").read_bytes())
    whole = form(broken)
    broken.write_bytes(b"\x1c\0\0\0TFL3rest")
    samples = read_evaluation_set(zoo.calibration_path())
    found = agree(form(model), whole, samples, "the calibration set")
    assert not found.differs
    assert found.words.startswith("not compared with the baseline: ")
