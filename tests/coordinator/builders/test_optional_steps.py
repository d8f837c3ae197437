"""Preparing a model for a quantizer: each step may fail, in a fixed order, and it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime.quantization.shape_inference as tools
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders._tools import on_preprocessed
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported

MLP = zoo.models()[0]
WORDS = (
    "without symbolic shape inference",
    "without optimisation",
    "without symbolic shape inference and optimisation",
    "without preprocessing",
)


@pytest.fixture
def request_(tmp_path: Path) -> BuildRequest:
    return BuildRequest(parse("int8-dynamic"), MLP.path, tmp_path / "made.onnx")


def refusing(*broken: str) -> Callable[..., None]:
    """The preprocessing of a model for which these steps fail."""

    def instead(source: str, target: str, **skipped: bool) -> None:
        taken = {name.removeprefix("skip_") for name, skip in skipped.items() if not skip}
        if taken & set(broken):
            raise Exception("Incomplete symbolic shape inference")
        Path(target).write_bytes(Path(source).read_bytes())

    return instead


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ((), None),
        (("symbolic_shape",), WORDS[0]),
        (("optimization",), WORDS[1]),
        (("symbolic_shape", "optimization"), WORDS[2]),
        (("onnx_shape",), WORDS[3]),
    ],
)
def test_the_first_way_that_works_is_used_and_named(
    request_: BuildRequest,
    broken: tuple[str, ...],
    words: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tools, "quant_pre_process", refusing(*broken))
    registry.build(request_)
    assert request_.output.exists()
    why = "its shapes cannot all be told from the graph"
    assert request_.log.notes == ([] if words is None else [f"built {words}: {why}"])


def test_a_quantizer_that_fails_on_it_gets_the_model_as_it_is(request_: BuildRequest) -> None:
    seen: list[bytes] = []

    def work(path: Path) -> None:
        seen.append(path.read_bytes())
        if len(seen) == 1:
            raise ValueError("Relu 'r' is not known.")

    on_preprocessed(request_, work)
    assert len(seen) == 2
    assert seen[1] == MLP.path.read_bytes() != seen[0]
    assert request_.log.notes == ["built without preprocessing: Relu 'r' is not known"]


@pytest.mark.parametrize("error", [ValueError("first"), Unsupported("no"), MemoryError()])
def test_what_fails_in_every_way_is_what_failed_first(
    request_: BuildRequest, error: Exception
) -> None:
    seen: list[Path] = []

    def work(path: Path) -> Any:
        seen.append(path)
        raise error if len(seen) == 1 else ValueError("second")

    with pytest.raises(type(error)) as caught:
        on_preprocessed(request_, work)
    assert caught.value is error
    assert len(seen) == (2 if isinstance(error, ValueError) else 1)
    assert request_.log.notes == []
