"""Programs compiled, and built ahead of time: what is proved of them before their time counts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bitgauge.agents.runtimes import torch as runtime
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.torch import executions, loading
from bitgauge.agents.runtimes.torch.place import ComputePlace
from bitgauge.agents.runtimes.torch.session import TorchSession
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from .conftest import Programs

GXX = pytest.mark.skipif(shutil.which("g++") is None, reason="NOT RUN: install g++")


def session(path: Path, execution: str, batch: int = 8) -> TorchSession:
    further = (StackItem(executions.EXECUTION, execution),)
    return runtime.load(path, SessionOptions(further=further, batch=batch))


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    torch._dynamo.reset()


@GXX
def test_static_int8_is_compiled_with_integer_kernels_and_answers_the_same(
    program: Programs, digits: Any
) -> None:
    images, _ = digits
    made = session(program("small-static"), "compiled")
    told = made.options_set()
    assert told["execution"] == "compiled"
    assert told["integer kernels"] == "2 qlinear"
    assert float(told["difference to eager"]) < 0.05
    plain = session(program("small-static"), "eager").run({"pixels": images[:8]})[0]
    np.testing.assert_allclose(made.run({"pixels": images[:8]})[0], plain, atol=0.05)


@GXX
def test_static_int8_is_built_ahead_with_integer_kernels_and_keeps_its_accuracy(
    program: Programs, digits: Any
) -> None:
    images, labels = digits
    made = session(program("cnn-static"), "aoti")
    told = made.options_set()
    assert told["execution"] == "aoti"
    assert told["integer kernels"] == "5 qconv"
    assert float(told["compile seconds"]) > 0
    assert float(told["difference to eager"]) < 0.05
    found = np.concatenate(
        [made.run({"pixels": images[at : at + 8]})[0] for at in range(0, 400, 8)]
    )
    assert np.mean(found.argmax(axis=1) == labels[:400]) > 0.95
    made.bind({"pixels": images[:8]})()


@GXX
def test_a_free_batch_that_is_built_wrongly_is_caught_and_named(program: Programs) -> None:
    """Fast, and right in one of ten: the known fault of the compiler."""
    with pytest.raises(BitgaugeError, match="export it with a fixed batch") as caught:
        session(program("cnn-static-free"), "aoti")
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
    assert "% off what the same program answers eager" in caught.value.sentence


@GXX
def test_weights_that_were_not_frozen_are_told(
    program: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where gradients are kept, the compiler makes float kernels and says nothing."""
    path = program("small-static")
    found = loading.described(path)
    plain = executions.Eager(loading.load(path, found)).ready(())
    monkeypatch.setattr(torch, "no_grad", torch.enable_grad)
    with pytest.raises(BitgaugeError, match="none of its 2 quantized products"):
        executions.Compiled(plain, found, 8, ComputePlace("cpu", {}))


def test_without_a_compiler_it_is_unsupported(
    program: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for execution in ("compiled", "aoti"):
        with pytest.raises(BitgaugeError, match=r"There is no compiler.*g\+\+") as caught:
            session(program("mlp"), execution)
        assert caught.value.code is Code.UNSUPPORTED_ARTIFACT


def test_a_wrong_answer_is_no_rounding() -> None:
    ours, theirs = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.02])
    assert executions.largest_difference([ours], [theirs]) == pytest.approx(0.009, abs=1e-3)
    assert executions.largest_difference({"a": ours}, {"a": theirs[:1]}) == float("inf")
    nan = torch.tensor([float("nan"), 2.0])
    assert executions.largest_difference([nan], [nan]) == 0
    assert executions.largest_difference([nan], [ours]) == float("inf")


def test_calls_of_integer_kernels_are_counted_and_comments_are_not() -> None:
    source = """
# buf0 = torch.ops.onednn.qconv_pointwise.tensor(a)
buf0 = torch.ops.onednn.qconv_pointwise.tensor(a)
    AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_cpu__qlinear_pointwise_tensor(x, y));
op = torch.ops.onednn.qlinear_pointwise.default
extern_kernels._int_mm(a, b, out=c)
"""
    assert executions.integer_kernels([source]) == {"qconv": 1, "qlinear": 1, "int_mm": 1}
