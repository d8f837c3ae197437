"""Which library is taken, and what is said of one that is not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bitgauge.agents.runtimes import llamacpp as runtime
from bitgauge.agents.runtimes.base import RuntimeMissing, SessionOptions
from bitgauge.agents.runtimes.llamacpp import library
from bitgauge.agents.runtimes.llamacpp.options import OPTIONS, picked_of
from bitgauge.benchmarks.vocabulary.values.devices import StackItem


def refused(call: Any) -> str:
    with pytest.raises(RuntimeMissing) as caught:
        call()
    assert "\n" not in caught.value.sentence
    return caught.value.sentence


def test_another_version_names_the_one_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2026.11.12000")
    said = refused(runtime.probe)
    assert "2026.11.12000 is installed, and 2026.10.11549 is known" in said


def test_a_library_for_another_processor_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It would end the process with an illegal instruction."""
    old = tmp_path / "cpuinfo"
    old.write_text("processor : 0\nflags\t\t: fpu sse sse2 ssse3 avx f16c\n")
    monkeypatch.setattr(library, "_CPUINFO", old)
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(machine="x86_64"))
    assert "this one lacks avx2, fma, bmi2" in refused(runtime.probe)


def answers(function: str, **changes: object) -> SimpleNamespace:
    """A library that answers as the known one, but for one field."""
    given = {name: dict(fields) for name, fields in library._DEFAULTS.items()}
    given[function] |= changes
    made = {name: lambda one=fields: SimpleNamespace(**one) for name, fields in given.items()}
    return SimpleNamespace(llama_version=lambda: b"0.6.0-dev", **made)


def test_what_answers_as_the_known_one_is_taken() -> None:
    library._check(answers("llama_model_default_params"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        ("llama_model_default_params", "n_gpu_layers", 1),
        ("llama_model_default_params", "use_extra_bufts", False),
        ("llama_context_default_params", "n_ubatch", 2048),
        ("llama_context_default_params", "type_k", 0),
    ],
)
def test_structures_that_lie_otherwise_are_seen(function: str, name: str, value: object) -> None:
    other = answers(function, **{name: value})
    said = refused(lambda: library._check(other))  # type: ignore[arg-type]
    assert f"{function} answers {name} = {value}" in said
    assert "b11549" in said


def test_a_library_that_says_another_version_is_refused() -> None:
    other = answers("llama_model_default_params")
    other.llama_version = lambda: b"0.7.1"
    assert "it says that it is 0.7.1" in refused(lambda: library._check(other))  # type: ignore[arg-type]


def test_a_folder_without_a_library_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(library.FOLDER, str(tmp_path))
    assert "LLAMA_CPP_LIB_PATH names no folder with libllama.so" in refused(runtime.probe)


def in_a_process(program: str, folder: Path) -> str:
    """What a fresh process prints that has a library of its own; the library loads once in one."""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={library.FOLDER: str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ended.stdout.strip() or ended.stderr


def test_a_library_of_ones_own_is_taken(tmp_path: Path, model: Path) -> None:
    spec = importlib.util.find_spec("xllamacpp")
    assert spec is not None
    assert spec.origin is not None
    (tmp_path / "libllama.so").symlink_to(Path(spec.origin).with_name("xllamacpp.abi3.so"))
    program = f"""
from pathlib import Path
import numpy
from bitgauge.agents.runtimes import llamacpp
from bitgauge.agents.runtimes.base import SessionOptions
print(llamacpp.probe().versions[0].name)
decoder = llamacpp.open_decoder(Path({str(model)!r}), SessionOptions(context=64))
decoder.feed(numpy.arange(4))
print(decoder.greedy() >= 0)
"""
    assert in_a_process(program, tmp_path).split() == ["libllama.so", "True"]


def test_a_file_that_is_no_library_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "libllama.so").write_bytes(b"no library")
    program = """
from bitgauge.agents.runtimes import llamacpp
from bitgauge.agents.runtimes.base import RuntimeMissing
try:
    llamacpp.prepare()
except RuntimeMissing as error:
    print(error.sentence)
"""
    assert in_a_process(program, tmp_path).startswith("libllama.so cannot be loaded: ")


def test_probing_and_its_tiny_models_load_nothing() -> None:
    program = (
        "import sys; from bitgauge.agents.runtimes import llamacpp;"
        "llamacpp.probe(); llamacpp.empty_artifact(); llamacpp.sentinel_artifact();"
        "print([m for m in ('numpy', 'xllamacpp') if m in sys.modules],"
        " 'xllamacpp' in open('/proc/self/maps').read())"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[] False"


def test_options_of_other_runtimes_are_not_told() -> None:
    given = (StackItem("execution", "compiled"), StackItem("mmap", "on"))
    words = picked_of(SessionOptions(further=given)).told()
    assert words["mmap"] == "on"
    assert set(words) == {one.name for one in OPTIONS}
