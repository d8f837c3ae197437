"""What a job must be before it is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.runtimes import require_taken, runtime_for
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.coordinator.decisions.submission import (
    Inspection,
    completed,
    described,
    takes,
)

from tests.labs.coordinator import BASELINE, BUILT, DEVICE, SPEC


def test_what_executes_an_entry_that_does_not_say_so_is_seen_by_its_baseline() -> None:
    asked = replace(
        SPEC, runtime="torch", entries=(Entry("int8-dynamic"), Entry("fp16", runtime="litert"))
    )
    made = completed(asked)
    assert [(one.recipe, one.runtime) for one in made.entries] == [
        ("fp32", "torch"),
        ("int8-dynamic", ""),
        ("fp16", "litert"),
    ]
    assert made.runtimes == ("torch", "litert")
    assert completed(made) == made


def test_the_runtime_of_a_job_is_that_of_its_baseline() -> None:
    asked = replace(
        SPEC, entries=(Entry("fp32", BASELINE, runtime="torch"), Entry("", BUILT, "a.onnx"))
    )
    made = completed(asked)
    assert (made.runtime, made.runtimes) == ("torch", ("torch",))
    assert made.entries[1].runtime == "", "what executes a file is seen when it is looked into"


def test_what_executes_a_file_is_what_takes_its_kind() -> None:
    known = {"onnxruntime": ("onnx",), "litert": ("tflite",)}
    assert runtime_for("onnx", "onnxruntime", known) == "onnxruntime"
    assert runtime_for("tflite", "onnxruntime", known) == "litert"
    assert runtime_for("gguf", "onnxruntime", known) == "llamacpp", "nobody does: refused so"
    assert runtime_for("gguf", "onnxruntime", {}) == "llamacpp", "and waited for"
    assert runtime_for("gguf", "litert", known) == "litert", "which was asked for"
    alone = {"llamacpp": ("gguf",), "openvino": ("onnx",)}
    assert runtime_for("gguf", "onnxruntime", alone) == "llamacpp"
    assert runtime_for("onnx", "onnxruntime", alone) == "onnxruntime", "another says another thing"
    two = {**known, "lite2": ("tflite",)}
    assert runtime_for("tflite", "onnxruntime", two) == "onnxruntime", "its user has to say which"
    assert runtime_for("tflite", "lite2", two) == "lite2"
    assert runtime_for("tflite", "mine", known) == "mine", "mine has not said what it takes"


def test_what_was_found_becomes_part_of_the_job() -> None:
    found = Inspection(
        ModelClass.CNN,
        ("fp32", "int8-dynamic"),
        ("onnx", "tflite"),
        (None, None),
        ("onnxruntime", "litert"),
    )
    made = described(completed(SPEC), found)
    assert made.runtimes == ("onnxruntime", "litert")
    assert [(one.recipe, one.artifact_kind) for one in made.entries] == [
        ("fp32", "onnx"),
        ("int8-dynamic", "tflite"),
    ]


def test_a_file_that_several_take_is_for_its_user_to_say() -> None:
    two = {"onnxruntime": ("onnx",), "lite2": ("tflite",), "litert": ("tflite",)}
    with pytest.raises(BitgaugeError) as refused:
        require_taken("The artifact a.tflite", "tflite", "onnxruntime", two)
    assert refused.value.sentence.endswith(
        "takes onnx; lite2 and litert take it, name one with --runtime."
    )


def runtime(name: str, *kinds: str) -> RuntimeDescription:
    return RuntimeDescription(name, "1", artifact_kinds=kinds)


def test_a_runtime_takes_what_it_takes_on_any_device() -> None:
    one = replace(DEVICE, runtimes=(runtime("torch", "pt2"), runtime("mine")))
    other = replace(DEVICE, runtimes=(runtime("torch", "pt2", "safetensors"), runtime("mine", "x")))
    assert takes([one, other]) == {"torch": ("pt2", "safetensors")}, "mine does not say everywhere"
    assert takes([]) == {}


def test_an_artifact_for_the_wrong_runtime_is_refused_in_a_sentence() -> None:
    known = {"onnxruntime": ("onnx",), "torch": ("pt2", "safetensors")}
    require_taken("it", "onnx", "onnxruntime", known)
    require_taken("it", "tflite", "litert", known)  # nothing is known of that runtime yet
    with pytest.raises(BitgaugeError) as caught:
        require_taken("Artifact m.tflite", "tflite", "torch", known)
    assert caught.value.code is Code.WRONG_ARTIFACT_KIND
    assert caught.value.sentence == (
        "Artifact m.tflite is of kind tflite, and torch takes pt2 and safetensors."
    )
