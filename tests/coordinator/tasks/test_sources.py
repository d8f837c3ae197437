"""The further FP32 forms of a model: what each is for, and that it stands for the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, ModelSource
from bitgauge.coordinator.decisions.submission import Inspection, Takes, completed, described
from bitgauge.coordinator.tasks.inspect_job import inspect_job

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")

from tests.labs.graphs import lite

MODEL, EVALUATION = Digest("b" * 64, 1), Digest("e" * 64, 1)
TAKES = {"onnxruntime": ("onnx",), "litert": ("tflite",)}

Look = Callable[[JobSpec, Takes], Inspection]


def job(*entries: Entry) -> JobSpec:
    return JobSpec("digits", MODEL, entries, EVALUATION)


def refused(look: Look, spec: JobSpec, takes: Takes) -> BitgaugeError:
    with pytest.raises(BitgaugeError) as caught:
        look(spec, takes)
    return caught.value


FORM, FORM_TOO = Digest("3" * 64, 1), Digest("4" * 64, 1)
CONVERTER = """
VERSION, DISTRIBUTIONS, TAKES, MAKES = 1, (), "tflite", "other"
def accepts(recipe): return str(recipe) == "fp32"
def build(request): request.output.write_bytes(b"made")
"""
BUILDER = """
VERSION, DISTRIBUTIONS, TAKES, MAKES = 1, (), "{takes}", "{makes}"
USUAL = ("bf16",)
def accepts(recipe): return str(recipe) == "bf16"
def build(request): request.output.write_bytes(b"made")
"""


@pytest.fixture
def forms(tmp_path: Path) -> Look:
    form = tmp_path / "form"
    form.write_bytes(lite.mlp().encoded())
    files = {MODEL: zoo.models()[0].path, EVALUATION: zoo.evaluation_path()}
    files |= {FORM: form, FORM_TOO: form}
    return lambda spec, takes: inspect_job(completed(spec), files.__getitem__, takes)


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    (tmp_path / "builders").mkdir()
    monkeypatch.setenv(PLUGIN_PATH, str(tmp_path))

    def made(name: str, text: str) -> None:
        (tmp_path / "builders" / f"{name}.py").write_text(text)

    return made


def with_form(*entries: Entry) -> JobSpec:
    return replace(job(*entries), sources=(ModelSource(FORM, "m.tflite"),))


def test_a_source_is_the_float_twin_of_its_runtime(forms: Look) -> None:
    asked = completed(with_form(Entry("fp32", runtime="litert")))
    found = forms(asked, TAKES)
    taken = described(asked, found)
    assert [(one.recipe, one.runtime, one.artifact, one.name) for one in taken.entries] == [
        ("fp32", "onnxruntime", MODEL, ""),
        ("fp32", "litert", FORM, ""),
    ]
    assert [one.kind for one in taken.sources] == ["tflite"]
    assert taken.kinds == (("onnx", MODEL), ("tflite", FORM))
    assert taken.given(taken.entries[1]) is None, "its row is of the recipe, not of a file"


def test_a_recipe_is_built_of_the_source_that_its_builder_takes(
    forms: Look, builder: Callable[[str, str], None]
) -> None:
    builder("lite", BUILDER.format(takes="tflite", makes="tflite"))
    asked = Entry("bf16", runtime="litert")
    assert forms(with_form(asked), TAKES).kinds == ("onnx", "tflite")
    builder("late", BUILDER.format(takes="other", makes="other"))
    error = refused(forms, job(Entry("bf16", runtime="strange")), {**TAKES, "strange": ("other",)})
    assert error.sentence == (
        "bf16 on strange needs a source of kind other, and the job has onnx; give one with"
        " --source FILE."
    )


def test_a_source_is_converted_where_there_is_no_other_way(
    forms: Look, builder: Callable[[str, str], None]
) -> None:
    builder("convert", CONVERTER)
    builder("late", BUILDER.format(takes="other", makes="other"))
    takes = {**TAKES, "strange": ("other",)}
    found = forms(with_form(Entry("bf16", runtime="strange")), takes)
    assert found.kinds == ("onnx", "other")
    plain = forms(with_form(Entry("fp32", runtime="strange")), takes)
    assert plain.entries == (), "it is built: an artifact stands nowhere"
    assert plain.kinds == ("onnx", "other")
    only_onnx = forms(job(Entry("bf16", runtime="strange")), takes)
    assert only_onnx.kinds == ("onnx", "other"), "by way of a converter of ours"


def test_all_stands_for_what_can_be_made(forms: Look, builder: Callable[[str, str], None]) -> None:
    builder("lite", BUILDER.format(takes="tflite", makes="tflite"))
    takes = {**TAKES, "strange": ("other",)}
    found = forms(with_form(Entry("all", runtime="litert")), takes)
    assert found.recipes[:2] == ("fp32", "fp32")
    assert "bf16" in found.recipes[2:], "what builders of ours make of it comes besides"
    assert found.runtimes == ("onnxruntime", *["litert"] * (len(found.recipes) - 1))
    every = forms(with_form(Entry("all", runtime="*")), takes)
    assert {one.runtime for one in every.entries} == {"onnxruntime", "litert"}
    assert sum(one == "fp32" for one in every.recipes) == 2, "each runtime has one"
    error = refused(forms, with_form(Entry("all", runtime="strange")), takes)
    assert error.sentence == (
        "Nothing can be built for strange: it takes other, and the job has onnx and tflite."
    )


def test_a_source_is_fp32_one_of_its_kind_and_stands_for_the_baseline(
    forms: Look, tmp_path: Path
) -> None:
    twice = replace(
        job(), sources=(ModelSource(FORM, "a.tflite"), ModelSource(FORM_TOO, "b.tflite"))
    )
    error = refused(forms, twice, TAKES)
    assert error.sentence == (
        "The source b.tflite is of kind tflite, as a.tflite is; give one of each."
    )
    (tmp_path / "form").write_bytes(lite.doubled(scale=0.5).encoded())
    assert "a source is fp32" in refused(forms, with_form(), TAKES).sentence
    (tmp_path / "form").write_bytes(lite.doubled().encoded())
    assert "The source m.tflite" in refused(forms, with_form(), TAKES).sentence


def test_a_baseline_of_another_kind_is_executed_by_what_takes_it(
    forms: Look, builder: Callable[[str, str], None]
) -> None:
    """Nobody has to name the runtime: of the recipes neither."""
    builder("lite", BUILDER.format(takes="tflite", makes="tflite"))
    lone = replace(job(Entry("bf16"), Entry("fp32")), baseline=FORM)
    found = forms(lone, TAKES)
    assert found.recipes == ("fp32", "bf16", "fp32")
    assert found.runtimes == ("litert",) * 3
    assert described(completed(lone), found).runtimes == ("litert",)
    every = forms(replace(job(Entry("all")), baseline=FORM), TAKES)
    assert "bf16" in every.recipes
    assert set(every.runtimes) == {"litert"}
    elsewhere = replace(job(Entry("fp16", runtime="onnxruntime")), baseline=FORM)
    assert "needs a source of kind onnx" in refused(forms, elsewhere, TAKES).sentence
    named = replace(job(Entry("bf16")), runtime="litert")
    assert forms(replace(named, sources=(ModelSource(FORM, "m.tflite"),)), TAKES).runtimes == (
        "onnxruntime",
        "litert",
    )
