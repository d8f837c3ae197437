"""A program of torch.export as a further form: run where its library is, held against the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.zoo import ZooModel, calibration_path, models
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.decisions.submission import ANSWERS_RECIPE
from bitgauge.coordinator.environments.shelf import Ready
from bitgauge.coordinator.models.recognise import inspect_model, kind_of
from bitgauge.coordinator.store.values import BuildKey
from bitgauge.coordinator.tasks import steps
from bitgauge.coordinator.tasks.agreement import Agreed, FormFile, agree
from bitgauge.coordinator.tasks.nursery.order import RESULTS
from onnx import numpy_helper

pytestmark = pytest.mark.timeout(300)

MODEL = models()[0]
SET = calibration_path()
Answers = Callable[[Path], Path]


@pytest.fixture
def answers(
    environment: Callable[[str], Ready], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Answers:
    """What a step of the coordinator makes of a program, in its environment."""
    place = tmp_path / "step" / RESULTS
    place.mkdir(parents=True)
    monkeypatch.chdir(place.parent)
    root = environment("torch").path

    def made(path: Path) -> Path:
        key = BuildKey(Digest("1" * 64, 1), ANSWERS_RECIPE, None, "", source_kind="pt2")
        assert steps.environment_of(key) == "torch"
        built = steps.build(key, path, SET, root)
        assert built.unsupported is None, built.unsupported
        return place / steps.ARTIFACT

    return made


def held(baseline: Path, program: Path, answered: Path) -> Agreed:
    own = FormFile(baseline, kind_of(baseline), inspect_model(baseline).inputs)
    other = FormFile(program, kind_of(program), inspect_model(program).inputs, answered)
    return agree(own, other, read_evaluation_set(SET), "the calibration set")


@pytest.mark.parametrize("model", models(), ids=lambda one: one.name)
def test_a_program_agrees_with_its_onnx_form(model: ZooModel, answers: Answers) -> None:
    program = model.form("pt2")
    found = held(model.path, program, answers(program))
    assert not found.differs
    assert found.words.startswith("agrees with the baseline on 64 samples of the calibration set")


def test_the_first_tensor_that_differs_is_named(
    answers: Answers, environment: Callable[[str], Ready], tmp_path: Path
) -> None:
    """The exporter keeps the names of what is computed on the way."""
    program, path = MODEL.form("pt2"), tmp_path / "made.onnx"
    ready = environment("torch").path
    registry.build(BuildRequest(parse("fp32"), program, path, SET, 8, ready), ("onnx",), "pt2")
    answered = answers(program)
    assert not held(path, program, answered).differs
    graph = onnx.load(str(path))
    weights = {one.name: one for one in graph.graph.initializer if len(one.dims) >= 2}
    node = next(one for one in graph.graph.node if weights.keys() & {*one.input})
    weight = next(weights[name] for name in node.input if name in weights)
    array = numpy_helper.to_array(weight) * np.float32(1.1)
    weight.CopyFrom(numpy_helper.from_array(array, weight.name))
    onnx.save(graph, str(path))
    found = held(path, program, answered)
    assert found.differs
    assert "the first tensor that differs is " in found.words, found.words
    assert node.output[0] in found.words, found.words


def test_a_damaged_program_says_why_there_is_no_answer(
    answers: Answers, environment: Callable[[str], Ready], tmp_path: Path
) -> None:
    path = tmp_path / "small.pt2"
    path.write_bytes(MODEL.form("pt2").read_bytes())
    key = BuildKey(Digest("1" * 64, 1), ANSWERS_RECIPE, None, "", source_kind="pt2")
    other = tmp_path / "other.npz"
    with np.load(SET) as file:
        kept = {name: file[name] for name in file.files}
    kept["inputs/pixels"] = kept["inputs/pixels"][:, :, :4]
    np.savez(other, allow_pickle=False, **kept)
    built = steps.build(key, path, other, environment("torch").path)
    assert built.unsupported
    assert "\n" not in built.unsupported
