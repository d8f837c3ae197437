"""Every runtime module keeps the same contract; a new file is picked up by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import pytest
from bitgauge.agents import registry
from bitgauge.agents.execution.probing import CAPABILITY, checked
from bitgauge.agents.passes._batches import Batches
from bitgauge.agents.runtimes.base import RuntimeModule, SessionOptions, TellsOptions
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.kernel_modes import MEANING

FOUND = registry.find("runtimes", ())
THERE = {one.name for one in registry.probe_runtimes(FOUND)[0]}


@pytest.fixture(params=sorted(FOUND.modules))
def runtime(request: pytest.FixtureRequest) -> RuntimeModule:
    if request.param not in THERE:
        pytest.skip(f"NOT RUN: {request.param} is not installed here")
    return registry.runtime(request.param, ())


def test_nothing_is_skipped() -> None:
    assert FOUND.problems == ()
    assert {"onnxruntime", "fake"} <= set(FOUND.modules)


def test_the_description_says_what_it_is(runtime: RuntimeModule) -> None:
    described = runtime.probe()
    assert described.name == runtime.NAME
    assert described.version
    assert described.families
    assert runtime.HINT
    assert isinstance(runtime.RANK, int)
    assert described == runtime.probe()


def test_the_empty_artifact_runs(runtime: RuntimeModule, tmp_path: Path) -> None:
    runtime.prepare()
    path = tmp_path / "floor"
    path.write_bytes(runtime.empty_artifact())
    session = runtime.load(path, SessionOptions(threads=1))
    specs = session.input_specs
    assert specs
    assert all(np.dtype(spec.dtype) for spec in specs)
    feeds = Batches(None, specs, 1).first()
    first, second = session.run(feeds), session.run(feeds)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    if hasattr(session, "options_set"):
        told = session.options_set()
        assert told
        assert told == session.options_set()
        assert all(name and text for name, text in told.items())
        more = runtime.load(path, SessionOptions(threads=2, arena=False))
        assert cast(TellsOptions, more).options_set() != told, "options that change are told"
        more.close()
    call = session.bind(feeds)
    call()
    call()
    session.close()


def test_a_file_that_is_no_artifact_is_one_sentence(runtime: RuntimeModule, tmp_path: Path) -> None:
    path = tmp_path / "junk"
    path.write_bytes(b"this is no model")
    with pytest.raises(BitgaugeError) as caught:
        runtime.load(path, SessionOptions())
    assert caught.value.code is Code.BAD_MODEL
    assert "\n" not in caught.value.sentence


def test_probing_imports_nothing_heavy() -> None:
    program = (
        "import sys; from bitgauge.agents import registry;"
        "registry.probe_runtimes(registry.find('runtimes', ()));"
        "registry.describe_meters(registry.find('meters', ()));"
        "registry.device('cpu', ()).describe();"
        "print([m for m in ('numpy', 'onnxruntime', 'torch', 'grpc') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_a_probe_names_operators_and_known_modes(
    runtime: RuntimeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(runtime, CAPABILITY):
        pytest.skip(f"{runtime.NAME} has no probe")
    monkeypatch.chdir(tmp_path)
    runtime.prepare()
    modes = runtime.probe_kernels()
    assert modes
    assert set(modes.values()) <= set(MEANING)
    assert checked(msgspec.json.encode({"modes": modes})).modes == modes
    assert runtime.probe_kernels() == modes
    assert not list(tmp_path.iterdir())
