"""Layers that a recipe leaves in float are float in the artifact, or the row says why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.builders import _kept, registry
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported
from bitgauge.coordinator.models.recognise import inspect_model

MODELS = {model.name.removeprefix("digits-"): model.path for model in zoo.models()}


def build(model: str, recipe: str, folder: Path) -> tuple[str, ...]:
    request = BuildRequest(
        registry.parse(recipe), MODELS[model], folder / "made.onnx", zoo.calibration_path()
    )
    return registry.build(request, ("onnx",))


@pytest.mark.parametrize(
    ("model", "recipe", "left", "of"),
    [
        ("cnn", "int8-static-u8s8-pc+conv0/conv+head/conv", 2, 5),
        ("cnn", "int8-static-s16s8-pc+head/conv", 1, 5),
        ("mlp", "int8-static-u8s8-pc-qop+layer0/matmul", 1, 3),
        ("mlp", "int8-dynamic+layer0/matmul", 1, 3),
        ("mlp", "int4-wo-b32+layer2/matmul", 1, 3),
        ("mlp", "int4-wo-pc+layer2/matmul", 1, 3),
        ("transformer", "int8-static-u8s8-pc+block0.mix/matmul+head/matmul", 2, 18),
    ],
)
def test_a_layer_stays_in_float(
    model: str, recipe: str, left: int, of: int, tmp_path: Path
) -> None:
    words = build(model, recipe, tmp_path)
    assert words[0].startswith(f"{of - left} of {of} products of matrices are quantized")
    made = tmp_path / "made.onnx"
    plain = recipe.partition("+")[0]
    assert str(inspect_model(made, "it").recipe) == plain
    kept = made.read_bytes()
    build(model, plain, tmp_path)
    assert made.stat().st_size < len(kept)


def test_a_quantizer_that_does_not_listen_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Onnxruntime's dynamic quantizer goes by names that its own rewriting has changed."""
    monkeypatch.setattr(_kept, "_same", lambda node, *_: [str(node.name)])
    with pytest.raises(Unsupported, match="of 1 layers that were to stay in float, 0 did"):
        build("mlp", "int8-dynamic+layer0/matmul", tmp_path)


def test_what_would_be_mostly_float_is_no_build_of_its_format(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"87 % of the multiplied weights in float, .* no int8"):
        build("mlp", "int8-static-u8s8-pc+layer1/matmul", tmp_path)


def test_a_layer_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no node called 'head/conf' .* nearest is 'head/conv'"):
        build("cnn", "int8-static-u8s8-pc+head/conf", tmp_path)


def test_only_a_builder_that_can_takes_such_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = registry.parse("int8-dynamic+a")
    assert registry.buildable_as(recipe) == ("onnx",)
    assert registry.toolchain(recipe) == registry.toolchain(registry.parse("int8-dynamic"))
    monkeypatch.delattr(registry.builders()["int8_dynamic"], "KEEPS")
    assert registry.buildable_as(recipe) == ()
