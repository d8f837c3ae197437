"""Which kind a file is, by its content; a new file format is one new file."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.models import recognise
from bitgauge.coordinator.models.recognise import inspect_model, kind_of

MODEL = zoo.models()[0].path
FORMAT = """
\"\"\"linear: sizes of one matrix, as JSON.\"\"\"

import json

from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.models.base import ModelFacts, OutputSpec

NAME = "linear"
RANK = 10


def recognises(head):
    return head.startswith(b'{"linear"')


def facts(path, label):
    data = path.read_bytes()
    try:
        rows, columns = json.loads(data)["linear"]
    except ValueError as error:
        raise BadInput(Code.BAD_MODEL, f"{label} is no linear model: {error}.") from error
    return ModelFacts(
        inputs=(InputSpec("x", "float32", (None, rows)),),
        outputs=(OutputSpec("y", "float32", (None, columns)),),
        operator_counts={"Linear": 1},
        model_class=ModelClass.MLP,
        recipe=parse("fp32"),
        parameter_count=rows * columns,
        size_bytes=len(data),
    )
"""


def file(folder: Path, data: bytes) -> Path:
    path = folder / "model"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"\x1c\0\0\0TFL3rest", "tflite", "is a LiteRT model, not ONNX"),
        (b"GGUF\x03\0\0\0", "gguf", "is a GGUF file, not ONNX"),
        (b"PK\x03\x04rest", "onnx", "is a zip archive"),
        (b'{"linear": [4, 2]}', "onnx", "is not a valid ONNX model"),
    ],
)
def test_a_kind_that_nobody_looks_into_is_named_all_the_same(
    data: bytes, kind: str, words: str, tmp_path: Path
) -> None:
    path = file(tmp_path, data)
    assert kind_of(path) == kind
    with pytest.raises(BitgaugeError, match=words):
        inspect_model(path, "it")


def test_ours_are_all_formats() -> None:
    assert recognise.found().problems == ()
    assert list(recognise.found().modules) == ["onnx"]
    assert kind_of(MODEL) == "onnx"
    with pytest.raises(BitgaugeError, match="it cannot be read") as caught:
        kind_of(MODEL / "nowhere", "it")
    assert caught.value.code is Code.FILE_UNREADABLE


@pytest.mark.parametrize("place", ["linear.py", "linear/__init__.py"])
def test_a_new_file_format_is_one_new_file_or_folder(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PLUGIN_PATH, str(tmp_path))
    at = tmp_path / "formats" / place
    at.parent.mkdir(parents=True)
    at.write_text(FORMAT)
    assert recognise.found().problems == ()
    path = file(tmp_path, b'{"linear": [4, 2]}')
    assert kind_of(path) == "linear"
    facts = inspect_model(path, "it")
    assert (str(facts.recipe), facts.parameter_count) == ("fp32", 8)
    with pytest.raises(BitgaugeError, match="it is no linear model"):
        inspect_model(file(tmp_path, b'{"linear": '), "it")
    assert kind_of(MODEL) == "onnx", "what it does not claim is looked at as before"
