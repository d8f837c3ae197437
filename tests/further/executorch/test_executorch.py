"""ExecuTorch on programs that never change: what it computes, what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes import executorch
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

pytest.importorskip("executorch", reason="NOT RUN: executorch is not installed here")

SIDE = 192


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    path = tmp_path / "sentinel"
    path.write_bytes(executorch.sentinel_artifact())
    return path


def test_it_computes_what_the_program_says(sentinel: Path) -> None:
    session = executorch.load(sentinel, SessionOptions())
    x = np.random.default_rng(0).normal(0, SIDE**-0.5, (1, SIDE, SIDE)).astype(np.float32)
    (found,) = session.run({"x": x})
    wide = x[0].astype(np.float64)
    wanted = wide @ wide @ wide @ wide @ wide
    assert np.abs(found[0] - wanted).max() < 1e-5 * np.abs(wanted).max()
    assert session.output_names == ("y",)


def test_threads_are_those_that_were_asked_for(sentinel: Path) -> None:
    for threads in (2, 1):
        told = executorch.load(sentinel, SessionOptions(threads=threads)).options_set()
        assert told["threads"] == str(threads)
        assert told["delegated pieces"] == "XnnpackBackend in 1"


def test_its_steps_are_listed_with_what_executes_them(sentinel: Path) -> None:
    found = executorch.list_operators(sentinel, SessionOptions())
    assert [(one.op_type, one.placed) for one in found.listed] == [("delegate", "XnnpackBackend")]
    assert found.pieces == 1
    assert "no times" in found.why_not


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((1, SIDE, SIDE), np.float64),
        np.zeros((2, SIDE, SIDE), np.float32),
        np.zeros((SIDE, SIDE), np.float32),
    ],
)
def test_an_input_of_another_type_or_size_is_one_sentence(
    given: np.ndarray, sentinel: Path
) -> None:
    session = executorch.load(sentinel, SessionOptions())
    with pytest.raises(BitgaugeError, match=r"'x' takes float32\[1,192,192\]") as caught:
        session.run({"x": given})
    assert caught.value.code is Code.RUN_FAILED


def test_an_option_is_refused_by_name(sentinel: Path) -> None:
    further = (StackItem("kernels", "builtin"),)
    with pytest.raises(BitgaugeError, match="no option kernels"):
        executorch.load(sentinel, SessionOptions(further=further))


def test_what_its_package_has_not_is_named(sentinel: Path) -> None:
    data = sentinel.read_bytes().replace(b"XnnpackBackend", b"UnknownBackend")
    sentinel.write_bytes(data)
    with pytest.raises(BitgaugeError, match="needs UnknownBackend") as caught:
        executorch.load(sentinel, SessionOptions())
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
