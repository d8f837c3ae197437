"""Every file of a job is looked at before it is taken: what it is, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec
from bitgauge.coordinator.decisions.submission import (
    MAX_LABEL,
    Inspection,
    Takes,
    completed,
    described,
    label_of,
)
from bitgauge.coordinator.tasks.inspect_job import inspect_job
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

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
        ModelClass.MLP,
        ("fp32", "int8-dynamic", "fp32"),
        ("onnx", "onnx", "onnx"),
        (None, None, None),
        ("onnxruntime",) * 3,
    )


def test_a_file_for_the_wrong_runtime_is_one_sentence(look: Look) -> None:
    lite = Entry("", LITE, "m.tflite")
    asked = replace(lite, runtime="onnxruntime")
    error = refused(look, job(asked), TAKES)
    assert error.code is Code.WRONG_ARTIFACT_KIND
    assert error.sentence == "Artifact m.tflite is of kind tflite, and onnxruntime takes onnx."
    for takes in (TAKES, {"onnxruntime": ("onnx",)}):
        damaged = refused(look, job(lite), takes)
        assert damaged.code is Code.BAD_MODEL, "litert takes it, here or when it comes"
        assert "Artifact m.tflite cannot be read as tflite: it is damaged" in damaged.sentence


def test_a_baseline_is_executed_by_what_takes_it(look: Look) -> None:
    """Artifacts of one runtime are held against a baseline of another."""
    found = look(replace(job(Entry("fp32", MODEL, "m.onnx")), runtime="litert"), TAKES)
    assert found.runtimes == ("onnxruntime",)
    error = refused(look, replace(job(), runtime="litert"), {"litert": ("tflite",)})
    assert error.sentence == "The baseline is of kind onnx, and litert takes tflite."


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


# -- files of no known recipe -----------------------------------------------------------------
MINE, NAMELESS = Digest("1" * 64, 1), Digest("2" * 64, 1)


def in_no_recipe(path: Path) -> Path:
    """The baseline with each weight as one int8 tensor of one scale: weights only, in no blocks."""
    model = onnx.load(str(zoo.models()[0].path))
    nodes = []
    for weight in [one for one in model.graph.initializer if len(one.dims) == 2]:
        values = numpy_helper.to_array(weight)
        scale = np.float32(np.abs(values).max() / 127)
        name = weight.name
        model.graph.initializer.remove(weight)
        model.graph.initializer.append(
            numpy_helper.from_array(np.round(values / scale).astype(np.int8), f"{name}_q")
        )
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{name}_s"))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", f"{name}_s"], [name]))
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(path))
    return path


@pytest.fixture
def own(tmp_path: Path) -> Look:
    mine = in_no_recipe(tmp_path / "mine")
    files = {MODEL: zoo.models()[0].path, EVALUATION: zoo.evaluation_path()}
    files |= {MINE: mine, NAMELESS: mine}
    return lambda spec, takes: inspect_job(completed(spec), files.__getitem__, takes)


def test_a_file_in_no_known_recipe_is_custom_in_the_family_of_its_weights(own: Look) -> None:
    asked = job(Entry("", MINE, "mine"), Entry("", NAMELESS))
    found = own(asked, TAKES)
    assert found.recipes == ("fp32", CUSTOM, CUSTOM)
    assert found.families == (None, FormatFamily.INT8, FormatFamily.INT8)
    entries = described(completed(asked), found).entries
    assert [one.format_family.value for one in entries] == ["fp32", "int8", "int8"]
    assert [one.name for one in entries] == ["", "mine", NAMELESS.short]


def test_who_says_custom_of_a_known_recipe_is_believed_but_not_of_the_baseline(own: Look) -> None:
    found = own(job(Entry(CUSTOM, MINE, "mine")), TAKES)
    assert found.recipes == ("fp32", CUSTOM)
    error = refused(own, job(Entry(CUSTOM, MODEL, "base.onnx")), TAKES)
    assert error.sentence == "The baseline base.onnx is never custom: it is fp32."
    baseline = replace(job(), baseline=MINE, entries=(Entry("", MINE, "mine"),))
    assert refused(own, baseline, TAKES).code is Code.BAD_MODEL


def test_custom_cannot_be_built(own: Look) -> None:
    error = refused(own, job(Entry(CUSTOM)), TAKES)
    assert error.code is Code.BAD_RECIPE
    assert "give the file" in error.sentence


@given(st.text(max_size=200))
def test_a_label_is_printable_and_short(text: str) -> None:
    label = label_of(Entry("", MINE, text))
    assert label.isprintable()
    assert 0 < len(label) <= MAX_LABEL
