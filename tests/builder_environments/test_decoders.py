"""Language models built in their real environments, of one small folder: each recipe, twice."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.genai import open_decoder, prepare
from bitgauge.benchmarks.common.folders.tokens import tokenizer_in
from bitgauge.benchmarks.quality.texts import TextSet, chunked, read_text_set, write_text_set
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.zoo import decoder as zoo_decoder
from bitgauge.coordinator.builders import genai, registry, safetensors
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from bitgauge.coordinator.environments.shelf import Ready, python_of
from bitgauge.coordinator.models.recognise import companions, inspect_model

from tests.labs.rooms import hf_folders

pytestmark = pytest.mark.timeout(1200)

FOLDERS = ("fp32", "int8-wo-b32", "int4-wo-b128")
MAKES = """
import sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(1)
config = LlamaConfig(vocab_size=260, hidden_size=128, intermediate_size=256, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1,
    eos_token_id=2, pad_token_id=259, tie_word_embeddings=False)
model = LlamaForCausalLM(config).float().eval()
with torch.no_grad():
    for weights in model.parameters():
        if weights.dim() > 1:
            weights.mul_(4)
model.save_pretrained(sys.argv[1])
"""


@dataclass(frozen=True)
class Model:
    folder: Path
    texts: Path


@pytest.fixture(scope="module")
def model(environment: Callable[[str], Ready], tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A LLaMA of random numbers with a tokenizer of bytes, and texts to calibrate with."""
    folder = tmp_path_factory.mktemp("model")
    python = str(python_of(environment("genai").path))
    subprocess.run([python, "-I", "-c", MAKES, str(folder)], check=True, capture_output=True)
    tokenizer = hf_folders.tokenizer_of()
    tokenizer["model"]["byte_fallback"] = True
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", **tokenizer}))
    held = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(held))
    path = folder / "texts.npz"
    drawn = np.random.default_rng(3).integers(3, 259, 4000)
    own = tokenizer_in(folder / "tokenizer.json", "it")
    write_text_set(path, TextSet({"a": drawn[:2500], "b": drawn[2500:]}, own))
    return Model(folder, path)


def built(
    model: Model, recipe: str, kind: str, ready: Ready, output: Path
) -> tuple[tuple[str, ...], BuildLog]:
    output.mkdir(parents=True)
    request = BuildRequest(
        *(parse(recipe), model.folder / "config.json", output / "artifact", model.texts, 1),
        ready.path,
    )
    return registry.build(request, (kind,), "safetensors"), request.log


def contents(folder: Path) -> dict[str, bytes]:
    """The files of an artifact: what is loaded, and what belongs to it."""
    names = companions(folder / "artifact")
    return {name: (folder / name).read_bytes() for name in ("artifact", *names)}


@pytest.mark.parametrize("recipe", FOLDERS)
def test_a_folder_for_onnxruntime_genai(
    recipe: str, model: Model, environment: Callable[[str], Ready], tmp_path: Path
) -> None:
    ready = environment(genai.ENVIRONMENT)
    words, log = built(model, recipe, "genai", ready, tmp_path / "one")
    facts = inspect_model(tmp_path / "one/artifact")
    assert str(facts.recipe) == recipe
    assert {"model.onnx", "tokenizer.json"} <= {*companions(tmp_path / "one/artifact")}
    assert any("perplexity is" in note for note in log.notes)
    if recipe == "fp32":
        assert "perplexity is 1.0000 times" in " ".join(log.notes)
    else:
        assert "products of matrices are quantized" in words[0]
    if recipe == "int4-wo-b128":
        built(model, recipe, "genai", ready, tmp_path / "two")
        assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("recipe", safetensors.RECIPES)
def test_a_quantized_folder_is_loaded_again_and_computes_in_floats(
    recipe: str, model: Model, environment: Callable[[str], Ready], tmp_path: Path
) -> None:
    ready = environment(safetensors.ENVIRONMENT)
    _, log = built(model, recipe, "safetensors", ready, tmp_path / "one")
    facts = inspect_model(tmp_path / "one/artifact")
    assert facts.format_family is parse(recipe).family
    assert facts.size_bytes < 0.6 * inspect_model(model.folder).size_bytes
    said = " ".join(log.notes)
    assert "compute: dequantized" in said, "no speed of it may ever be shown as that of its format"
    assert "exported, not timed" in said
    assert "quantized by llm-compressor 0." in said
    built(model, recipe, "safetensors", ready, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_groups_that_do_not_fit_a_matrix_are_a_fact_of_the_model(
    environment: Callable[[str], Ready], model: Model, tmp_path: Path
) -> None:
    """W4A16 shares a scale among 128 numbers of a row."""
    python = str(python_of(environment("genai").path))
    narrow = MAKES.replace("hidden_size=128", "hidden_size=96")
    subprocess.run([python, "-I", "-c", narrow, str(tmp_path)], check=True, capture_output=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((model.folder / name).read_bytes())
    ready = environment(safetensors.ENVIRONMENT)
    with pytest.raises(Unsupported):
        built(
            Model(tmp_path, model.texts),
            *("int4-gptq_w4a16-cal", "safetensors", ready, tmp_path / "out"),
        )


def test_every_family_has_a_builder() -> None:
    made = {parse(one).family for one in (*safetensors.RECIPES, *genai.USUAL)}
    assert made == {FormatFamily.INT4, FormatFamily.INT8, FormatFamily.FP8}


def test_the_zoos_decoder_has_one_perplexity(
    environment: Callable[[str], Ready], tmp_path: Path
) -> None:
    """For onnxruntime-genai what it has in torch, and in llama.cpp (`tests/runtimes`)."""
    for library in ("onnxruntime_genai", "gguf", "safetensors"):
        pytest.importorskip(library, reason="NOT RUN: pip install 'bitgauge[runtimes]'")
    from tests.labs.zoo.decoder import forms

    forms.main(tmp_path)
    known = zoo_decoder()
    source = Model(tmp_path / "hugging-face", known.calibration_path)
    built(source, "fp32", "genai", environment(genai.ENVIRONMENT), tmp_path / "made")
    (tmp_path / "made/artifact").rename(tmp_path / "made/genai_config.json")
    prepare()
    decoder = open_decoder(tmp_path / "made/genai_config.json", SessionOptions())
    texts = read_text_set(known.evaluation_path)
    assert decoder.tokenizer_sha256 == texts.tokenizer_sha256
    costs: list[float] = []
    for text in texts.documents.values():
        for piece in chunked(text, 255):
            window = np.array([decoder.bos, *piece])
            scores = decoder.scores(window)[:-1].astype(np.float64)
            scores -= scores.max(1, keepdims=True)
            chosen = np.take_along_axis(scores, window[1:, None], 1)[:, 0]
            costs += (np.log(np.exp(scores).sum(1)) - chosen).tolist()
    assert np.exp(np.mean(costs)) == pytest.approx(known.known_perplexity, rel=1e-3)
