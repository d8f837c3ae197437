"""Which kind a file is, by its content; a new file format is one new file."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.models import recognise
from bitgauge.coordinator.models.recognise import inspect_model, kind_of

from tests.labs.adding import PAGE, examples

MODEL = zoo.models()[0].path
MATRIX = b'{"linear": [[1, 2, 3, 4], [5, 6, 7, 8]]}'
FORMAT = examples(PAGE)["formats/linear.py"]
"""What `docs/adding.md` shows."""


def file(folder: Path, data: bytes) -> Path:
    path = folder / "model"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"\x1c\0\0\0TFL3rest", "tflite", "it is damaged"),
        (b"GGUF\x03\0\0\0", "gguf", "is no whole GGUF file"),
        (b"PK\x03\x04rest", "onnx", "is a zip archive"),
        (MATRIX, "onnx", "is not a valid ONNX model"),
    ],
)
def test_the_kind_of_what_is_no_whole_model_is_named_all_the_same(
    data: bytes, kind: str, words: str, tmp_path: Path
) -> None:
    path = file(tmp_path, data)
    assert kind_of(path) == kind
    with pytest.raises(BitgaugeError, match=words):
        inspect_model(path, "it")


def test_ours_are_all_formats() -> None:
    assert recognise.found().problems == ()
    names = list(recognise.found().modules)
    assert {"pt2", "tflite", "safetensors"} < {*names}
    assert names[-1] == "onnx", "what has no signature is asked last"
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
    path = file(tmp_path, MATRIX)
    assert kind_of(path) == "linear"
    facts = inspect_model(path, "it")
    assert (str(facts.recipe), facts.parameter_count) == ("fp32", 8)
    with pytest.raises(BitgaugeError, match="it is no linear model"):
        inspect_model(file(tmp_path, b'{"linear": '), "it")
    assert kind_of(MODEL) == "onnx", "what it does not claim is looked at as before"
