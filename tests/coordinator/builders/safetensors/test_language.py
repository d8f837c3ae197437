"""What builders of language models are given, and how what they made is held against its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.common.folders.tokens import tokenizer_in
from bitgauge.benchmarks.quality.texts import TextSet, write_text_set
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import Recipe, parse
from bitgauge.coordinator.builders import genai, registry, safetensors
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported
from bitgauge.coordinator.builders.safetensors import language

from tests.labs.rooms import hf_folders


def asked(folder: Path, recipe: str = "int4-wo-b32", texts: Path | None = None) -> BuildRequest:
    return BuildRequest(parse(recipe), folder / "config.json", folder / "output", texts)


def texts_of(folder: Path, documents: dict[str, Any], tokenizer: str = "") -> Path:
    own = tokenizer or tokenizer_in(folder / "tokenizer.json", "it")
    path = folder / "texts.npz"
    write_text_set(path, TextSet({name: np.array(one) for name, one in documents.items()}, own))
    return path


def test_pieces_are_of_all_texts_and_begin_as_texts_do(tmp_path: Path) -> None:
    folder = hf_folders.make(tmp_path / "model")
    texts = texts_of(folder, {"a": np.arange(3, 203), "b": np.arange(10, 20)})
    request = asked(folder, texts=texts)
    windows, from_texts = language.windows_of(request, language.source_of(request), 2)
    assert from_texts
    assert [len(one) for one in windows] == [64, 64]  # as much as the context of the model holds
    assert {one[0] for one in windows} == {1}
    assert windows[0][1:] == [*range(3, 66)]
    assert windows[1][1:] == [*range(129, 192)]


def test_without_texts_tokens_are_drawn_always_the_same(tmp_path: Path) -> None:
    request = asked(hf_folders.make(tmp_path / "model"))
    config = language.source_of(request)
    windows, from_texts = language.windows_of(request, config)
    assert not from_texts
    assert (windows, from_texts) == language.windows_of(request, config)
    assert all(0 <= token < config.vocabulary for one in windows for token in one)


def test_texts_of_another_tokenizer_are_refused(tmp_path: Path) -> None:
    folder = hf_folders.make(tmp_path / "model")
    request = asked(folder, texts=texts_of(folder, {"a": [1, 2]}, "0" * 64))
    with pytest.raises(BadInput, match="tokenizer") as caught:
        language.windows_of(request, language.source_of(request))
    assert caught.value.code is Code.BAD_CALIBRATION_SET


def test_only_floats_with_a_tokenizer_are_built_from(tmp_path: Path) -> None:
    folder = hf_folders.make(tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(Unsupported, match="tokenizer"):
        language.source_of(asked(folder))
    packed = {name: ("I8", shape) for name, (_, shape) in hf_folders.WEIGHTS.items()}
    with pytest.raises(Unsupported, match="not one of floats"):
        language.source_of(asked(hf_folders.make(tmp_path / "packed", packed)))


def said(nats: list[float], best: list[int]) -> dict[str, Any]:
    return {"infinite": False, "nats": nats, "best": best}


def test_what_was_made_is_held_against_its_source() -> None:
    answer = {"source": said([1.0, 2.0], [5, 6]), "made": said([1.5, 1.7], [5, 7])}
    found = language.held(answer, from_texts=True)
    assert found.ratio == pytest.approx(np.exp(0.1))
    assert found.same == 0.5
    assert found.farthest == pytest.approx(0.5)
    assert "calibration texts its perplexity is 1.1052 times" in found.words
    assert "50.0 %" in found.words


@pytest.mark.parametrize(
    ("source", "made", "why"),
    [
        (said([1.0], [0]), {"infinite": True}, "infinite"),
        (said([1.0], [0]), said([4.0], [0]), "times its source's"),
        ({"infinite": True}, said([1.0], [0]), "model itself"),
    ],
)
def test_what_cannot_be_used_is_no_artifact(source: Any, made: Any, why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        language.held({"source": source, "made": made}, from_texts=False)


@pytest.mark.parametrize(
    ("recipe", "taken"),
    [
        *(("fp32", True), ("int4-wo-b32", True), ("int8-wo-b128", True)),
        *(("int4-wo-pc", False), ("fp16", False), ("int8-dynamic", False)),
    ],
)
def test_what_onnxruntime_genais_builder_makes(recipe: str, taken: bool) -> None:
    assert genai.accepts(parse(recipe)) is taken


def test_each_own_name_of_quantized_folders_is_built() -> None:
    def builder(recipe: Recipe) -> str:
        return registry.builder_for(recipe, ("safetensors",), "safetensors")[0]

    assert {builder(parse(one)) for one in safetensors.RECIPES} == {"safetensors"}
    assert {str(parse(one).own) for one in safetensors.RECIPES} == {*safetensors._ASKED}


def test_a_recipe_with_calibration_wants_texts(tmp_path: Path) -> None:
    request = asked(hf_folders.make(tmp_path / "model"), "int4-gptq_w4a16-cal")
    with pytest.raises(Unsupported, match="needs calibration texts"):
        safetensors.build(request)


def test_files_lie_beside_the_one_that_is_loaded(tmp_path: Path) -> None:
    made, output = tmp_path / "made", tmp_path / "artifact"
    made.mkdir()
    for name in ("config.json", "model.safetensors"):
        (made / name).write_text(name)
    language.put_beside(made, "config.json", output)
    assert output.read_text() == "config.json"
    assert (tmp_path / "model.safetensors").read_text() == "model.safetensors"
    assert not list(made.iterdir())
