"""A model that is named by a function: nothing runs unasked; what goes wrong is one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.client.factories import function_named, made_here

TORCH = """
class Module: pass
class ExportedProgram: pass
class nn: Module = Module
class export: ExportedProgram = ExportedProgram
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's with his module; his torch makes nothing."""
    (tmp_path / "torch.py").write_text(TORCH)
    (tmp_path / "models.py").write_text(
        "open('ran', 'w').close()\n"
        "def number(): return 7\n"
        "def fails(): raise ValueError('no weights here\\nand more')\n"
        "def ends(): import os; os._exit(3)\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(name: str, *, trusted: bool = True, python: Path | None = None) -> str:
    with (
        pytest.raises(BadInput) as caught,
        made_here([Path(name)], python, print, trusted=trusted),
    ):
        pass
    return caught.value.sentence


def test_what_names_a_function_is_told_from_a_file(place: Path) -> None:
    assert function_named(Path("package.models:best")) == "best"
    for text in ("model.onnx", "a/b:c", "models:", "models:f()", "C:/model.onnx"):
        assert function_named(Path(text)) is None
    (place / "m:f").write_text("a file")
    assert function_named(Path("m:f")) is None


def test_files_stay_as_they_are() -> None:
    with made_here([Path("a.onnx"), Path("b.pt2")], None, print, trusted=False) as paths:
        assert paths == [Path("a.onnx"), Path("b.pt2")]


def test_nothing_runs_that_nobody_has_asked_for(place: Path) -> None:
    assert "say --trusted if it may" in made("models:number", trusted=False)
    assert not (place / "ran").exists()


def test_what_makes_no_program_is_one_sentence(place: Path) -> None:
    assert made("models:number").startswith(
        "No model was made: models:number returns int, and not a torch.export"
    )
    assert (place / "ran").exists()
    assert (
        made("models:fails")
        == "No model was made: models:fails failed with ValueError: no weights here."
    )
    assert (
        made("models:ends")
        == "No model was made: models:ends ended the interpreter with exit code 3."
    )
    assert "has no attribute 'gone'" in made("models:gone")
    assert "No module named 'nowhere'" in made("nowhere:f")


def test_an_interpreter_without_torch_says_what_to_install(tmp_path: Path) -> None:
    code = f"import sys; sys.modules['torch'] = None; sys.path.insert(0, {str(tmp_path)!r})"
    (tmp_path / "sitecustomize.py").write_text(code)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    said = made("models:number", python=python)
    assert "has no torch; install it there: pip install torch." in said


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput) as caught,
        made_here([Path("m:f")], tmp_path / "none", print, trusted=True),
    ):
        pass
    assert caught.value.code is Code.BAD_ARGUMENT
    assert "does not start: No such file or directory." in caught.value.sentence
