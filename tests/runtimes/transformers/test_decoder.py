"""Hugging Face folders by transformers: floats as they are, quantized ones unpacked and said so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.agents import registry
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.vocabulary.enums import Capability
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from tests.labs.rooms import hf_folders

pytest.importorskip("transformers", reason="NOT RUN: pip install 'bitgauge[transformers]'")
pytest.importorskip("torch", reason="NOT RUN: pip install 'bitgauge[transformers]'")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
RUNTIME = registry.runtime("transformers", ())


def opened(path: Path) -> Any:
    RUNTIME.prepare()
    assert RUNTIME.TRAITS.decoder is not None
    return RUNTIME.TRAITS.decoder(path, SessionOptions(threads=1, context=64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaMA of random numbers, as its library saves it."""
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        **{"vocab_size": 260, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2},
        **{"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64},
    )
    place = tmp_path_factory.mktemp("model")
    transformers.LlamaForCausalLM(config).float().save_pretrained(place)
    (place / "tokenizer.json").write_text(json.dumps(hf_folders.tokenizer_of()))
    return place


def quantized(folder: Path, place: Path) -> Path:
    """The same with its layers packed to 4 bits in groups of 32, by compressed-tensors itself."""
    compressed = pytest.importorskip("compressed_tensors.compressors")
    quantization = pytest.importorskip("compressed_tensors.quantization")
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    packed = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32}
    held = {"group_0": {"targets": ["Linear"], "weights": {**packed, "symmetric": True}}}
    config = quantization.QuantizationConfig(config_groups=held, ignore=["lm_head"])
    quantization.apply_quantization_config(model, config)
    for layer in model.modules():
        if hasattr(layer, "weight_scale"):
            groups = layer.weight.reshape(len(layer.weight), -1, 32)
            layer.weight_scale.data.copy_(groups.abs().amax(-1) / 7.5)
    compressor = compressed.ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(place)
    compressor.update_config(place)
    return place


def test_it_declares_that_it_computes_in_floats() -> None:
    described = registry.described(RUNTIME)
    assert Capability.DEQUANTIZES in described.capabilities
    assert described.artifact_kinds == ("safetensors",)


def test_floats_are_what_they_are(folder: Path) -> None:
    decoder = opened(folder / "config.json")
    assert decoder.options_set()["compute"] == "float32"
    assert (decoder.vocabulary, decoder.context_tokens, decoder.bos) == (260, 64, 1)
    assert len(decoder.tokenizer_sha256) == 64


def said(**more: Any) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        held = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**held, **more}))

    return do


@pytest.mark.parametrize(
    ("harm", "code", "why"),
    [
        (said(auto_map={"AutoModelForCausalLM": "own.Model"}), Code.REFUSED_FORMAT, "auto_map"),
        (
            said(model_type="nonsense", architectures=["NonsenseForCausalLM"]),
            *(Code.UNSUPPORTED_ARTIFACT, "no architecture"),
        ),
        (lambda at: (at / "model.safetensors").unlink(), Code.BAD_MODEL, "cannot be loaded"),
        (
            lambda at: (at / "model.safetensors").write_bytes(
                (at / "model.safetensors").read_bytes()[:5000]
            ),
            *(Code.BAD_MODEL, "cannot be loaded"),
        ),
        (
            lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"),
            *(Code.BAD_MODEL, "cannot be loaded"),
        ),
        (lambda at: (at / "config.json").write_text("{"), Code.BAD_MODEL, "no JSON"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_sentence(
    harm: Callable[[Path], Any], code: Code, why: str, folder: Path, tmp_path: Path
) -> None:
    for one in folder.iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    harm(tmp_path)
    with pytest.raises(BitgaugeError, match=why) as caught:
        opened(tmp_path / "config.json")
    assert caught.value.code is code
    assert "\n" not in caught.value.sentence


def test_what_is_packed_is_unpacked_and_said_so(folder: Path, tmp_path: Path) -> None:
    place = quantized(folder, tmp_path / "packed")
    size = (place / "model.safetensors").stat().st_size
    assert size < (folder / "model.safetensors").stat().st_size, "packed, as it is stored"
    decoder = opened(place / "config.json")
    assert decoder.options_set()["compute"] == "dequantized"
    tokens = np.arange(3, 40)
    floats = opened(folder / "config.json").scores(tokens)
    packed = decoder.scores(tokens)
    assert not np.array_equal(packed, floats)
    assert np.abs(packed - floats).max() < 0.5 * np.abs(floats).max()
