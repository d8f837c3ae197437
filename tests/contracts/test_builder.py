"""What every builder keeps, on the zoo: an artifact that gives the source's answers, or a reason.

Builders that need an environment of their own are held to it where that environment is made.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, parse
from bitgauge.coordinator.builders import _sessions, registry
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported
from bitgauge.coordinator.models.recognise import inspect_model

MODELS = {model.name: model for model in zoo.models()}
BUILDERS = {
    name: one
    for name, one in registry.builders().items()
    if one.MAKES == "onnx" and not getattr(one, "ENVIRONMENT", "")
}
OFF = {FormatFamily.FP32: 0.0, FormatFamily.FP16: 0.002, FormatFamily.INT4: 0.25}
OFF |= {FormatFamily.FP8: 0.16}
"""How far from the source's the outputs may be, root mean square over root mean square.

What steps of that size make of the zoo, with some room. Whether rounding explains what differs the
look at a built artifact has held, layer by layer: what it does not explain is an error of the
build."""
UNSUPPORTED = {
    "weight_only": "no MatMul or Gemm with a constant weight matrix",
}
"""What a builder may say of a model of the zoo."""


def of_each_kind(builder: str) -> list[Recipe]:
    """The recipes of a builder, one of each scheme, types and form."""
    found: dict[tuple[object, ...], Recipe] = {}
    for recipe in registry.buildable_recipes(("onnx",)):
        if registry.builder_for(recipe, ("onnx",))[0] == builder:
            kind = (recipe.family, recipe.activation, recipe.granularity, recipe.form, recipe.own)
            found.setdefault(kind, recipe)
    return list(found.values())


EVERY = [(name, str(recipe)) for name in BUILDERS for recipe in of_each_kind(name)]


def answers(path: Path, *, exact: bool = True) -> npt.NDArray[Any]:
    with np.load(zoo.evaluation_path(), allow_pickle=False) as evaluation:
        pixels = evaluation["inputs/pixels"][:200]
    session = _sessions.open_session(str(path), exact=exact)
    found: npt.NDArray[Any] = session.run(None, {"pixels": pixels})[0]
    return found


@pytest.mark.parametrize("name", BUILDERS)
def test_a_builder_makes_something(name: str) -> None:
    assert of_each_kind(name)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("name", "recipe"), EVERY)
def test_an_artifact_answers_as_its_source_does(
    name: str, recipe: str, model: str, tmp_path: Path
) -> None:
    source, made, again = MODELS[model].path, tmp_path / "made.onnx", tmp_path / "again.onnx"
    try:
        for output in (made, again):
            asked = BuildRequest(parse(recipe), source, output, zoo.calibration_path())
            words = registry.build(asked, ("onnx",))
    except Unsupported as error:
        reason = UNSUPPORTED.get(name, "no per-channel form")
        if not re.search(reason, error.reason):
            raise
        return
    assert made.read_bytes() == again.read_bytes()
    assert str(inspect_model(made, "it").recipe) == recipe
    # The mode of exact kernels has none that take signed activations.
    expected, found = answers(source), answers(made, exact=not re.search("s8s8.*-qop", recipe))
    off = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
    assert off <= OFF.get(parse(recipe).family, 0.06)
    if recipe not in ("fp32", "fp16"):
        assert "products of matrices are quantized" in words[0]
