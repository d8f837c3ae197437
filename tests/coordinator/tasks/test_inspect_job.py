"""Every file of a job is looked at before it is taken: what it is, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec
from bitgauge.coordinator.decisions.submission import Inspection, Takes, completed
from bitgauge.coordinator.tasks.inspect_job import inspect_job

MODEL, EVALUATION = Digest("b" * 64, 1), Digest("e" * 64, 1)
LITE = Digest("f" * 64, 1)
TAKES = {"onnxruntime": ("onnx",), "litert": ("tflite",)}

Look = Callable[[JobSpec, Takes], Inspection]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    lite = tmp_path / "lite"
    lite.write_bytes(b"\x1c\0\0\0TFL3rest")
    files = {MODEL: zoo.models()[0].path, EVALUATION: zoo.evaluation_path(), LITE: lite}
    return lambda spec, takes: inspect_job(completed(spec), files.__getitem__, takes)


def job(*entries: Entry) -> JobSpec:
    return JobSpec("digits", MODEL, entries, EVALUATION)


def refused(look: Look, spec: JobSpec, takes: Takes) -> BitgaugeError:
    with pytest.raises(BitgaugeError) as caught:
        look(spec, takes)
    return caught.value


def test_kinds_are_those_of_the_files_and_of_the_builders(look: Look) -> None:
    found = look(job(Entry("int8-dynamic"), Entry("", MODEL, "again.onnx")), TAKES)
    assert found == Inspection(
        ModelClass.MLP, ("fp32", "int8-dynamic", "fp32"), ("onnx", "onnx", "onnx")
    )


def test_a_file_for_the_wrong_runtime_is_one_sentence(look: Look) -> None:
    lite = Entry("", LITE, "m.tflite")
    error = refused(look, job(lite), TAKES)
    assert error.code is Code.WRONG_ARTIFACT_KIND
    assert error.sentence == "Artifact m.tflite is of kind tflite, and onnxruntime takes onnx."
    unknown = refused(look, job(lite), {})
    assert (unknown.code, unknown.sentence) == (
        Code.BAD_MODEL,
        "Artifact m.tflite is a LiteRT model, not ONNX.",
    )
    taken = refused(look, job(replace(lite, runtime="litert")), TAKES)
    assert taken.sentence == "Artifact m.tflite is a LiteRT model, not ONNX.", (
        "nobody looks into it"
    )


def test_the_baseline_too_must_be_for_its_runtime(look: Look) -> None:
    error = refused(look, replace(job(), runtime="litert"), TAKES)
    assert error.sentence == "The baseline is of kind onnx, and litert takes tflite."
    error = refused(look, job(Entry("fp32", MODEL, "m.onnx", runtime="litert")), TAKES)
    assert "m.onnx is of kind onnx, and litert takes tflite" in error.sentence


def test_a_recipe_is_built_in_a_kind_that_its_runtime_takes(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = Entry("int8-dynamic", runtime="litert")
    error = refused(look, job(built), TAKES)
    assert error.code is Code.BAD_RECIPE
    assert "No builder makes int8-dynamic as tflite" in error.sentence
    (tmp_path / "builders").mkdir()
    (tmp_path / "builders/lite.py").write_text(
        "VERSION = 1\nDISTRIBUTIONS = ()\nMAKES = 'tflite'\n"
        "def accepts(recipe): return str(recipe) == 'int8-dynamic'\n"
        "def build(request): request.output.write_bytes(b'made')\n"
    )
    monkeypatch.setenv(PLUGIN_PATH, str(tmp_path))
    assert look(job(built), TAKES).kinds == ("onnx", "tflite")
    assert look(job(replace(built, runtime="")), TAKES).kinds == ("onnx", "onnx")
