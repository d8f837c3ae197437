"""What a configuration of transformers says of a model, as far as it is used here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.folders.objects import whole_number, wrong
from bitgauge.benchmarks.common.folders.tokens import MAX_TOKENS
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

MAX_CONTEXT_TOKENS = 1 << 30
_GENERATES = ("ForCausalLM", "LMHeadModel")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Config:
    """A model that continues texts.

    Attributes:
        architecture: class of transformers, as `LlamaForCausalLM`.
        context_tokens: most tokens that it was made for.
        vocabulary: tokens that it knows.
        bos: token that begins a text; None where the configuration names none.
        quantization: what the configuration says of how its weights are kept; empty for floats.
    """

    architecture: str
    context_tokens: int
    vocabulary: int
    bos: int | None
    quantization: Mapping[str, Any]


def config_in(held: Mapping[str, Any], label: str) -> Config:
    """What `held`, the object of a `config.json`, says.

    Raises:
        BadInput: REFUSED_FORMAT, the model brings code of its own; BAD_MODEL, it is no decoder.
    """
    if held.get("auto_map"):
        raise BadInput(
            Code.REFUSED_FORMAT,
            f"{label} brings classes of its own (auto_map), which are a program.",
        )
    named = held.get("architectures")
    first = named[0] if isinstance(named, list) and named else None
    if not isinstance(first, str) or not first.endswith(_GENERATES):
        raise wrong(
            label, f"is no model that continues texts: its architecture is {str(first)[:_SHOWN]!r}"
        )
    vocabulary = whole_number(held, "vocab_size", label, MAX_TOKENS)
    bos = held.get("bos_token_id")
    if bos is not None and (type(bos) is not int or not 0 <= bos < vocabulary):
        raise wrong(label, f"begins its texts with token {str(bos)[:_SHOWN]}, which is none")
    quantization = held.get("quantization_config") or {}
    if not isinstance(quantization, dict):
        raise wrong(label, "says of its quantization what is no object")
    context = whole_number(held, "max_position_embeddings", label, MAX_CONTEXT_TOKENS)
    return Config(first, context, vocabulary, bos, quantization)


def recognised_class(config: Config) -> ModelClass:
    """A decoder is a transformer, but for those few whose architecture says otherwise."""
    recurrent = ("Mamba", "Rwkv", "RecurrentGemma")
    found = config.architecture.startswith(recurrent)
    return ModelClass.RECURRENT if found else ModelClass.TRANSFORMER
