"""gguf: a language model of llama.cpp in one file; its header alone is looked at.

What is no whole language model is refused in one sentence: a part of one, an adapter, a projector,
a file without a tokenizer.
"""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.common.gguf.decoder import RECURRENT, DecoderHeader, decoder_of
from bitgauge.benchmarks.common.gguf.header import GgufHeader, read_header, recognises
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import ModelClass

from ...base import DecoderFacts, ModelFacts, OutputSpec
from .recipe import multiplied, recipe_and_family

__all__ = ["NAME", "RANK", "facts", "recognises"]

NAME = "gguf"
RANK = 8


def facts(path: Path, label: str) -> ModelFacts:
    """What the file at `path` is; see `base.Format`."""
    header = read_header(path, label)
    decoder = decoder_of(header)
    recipe, family = recipe_and_family(header)
    return ModelFacts(
        inputs=(InputSpec("tokens", "int64", (None, None), ("batch", "position")),),
        outputs=(OutputSpec("logits", "float32", (None, None, decoder.vocabulary)),),
        operator_counts=_operators(header),
        model_class=_class(decoder),
        recipe=recipe,
        parameter_count=sum(one.elements for one in header.tensors if one.elements > 1),
        size_bytes=header.size_bytes,
        family=family,
        float64=any(one.type.name == "f64" for one in multiplied(header)),
        decoder=DecoderFacts(
            architecture=decoder.architecture,
            context_tokens=decoder.context_tokens,
            vocabulary=decoder.vocabulary,
            bos=decoder.bos,
            tokenizer_sha256=decoder.tokenizer_sha256,
        ),
    )


def _operators(header: GgufHeader) -> dict[str, int]:
    count = len(multiplied(header))
    return {"MatMul": count} if count else {}


def _class(decoder: DecoderHeader) -> ModelClass:
    """Every decoder that llama.cpp runs has attention but those with a state in its place."""
    recurrent = decoder.architecture.startswith(RECURRENT)
    return ModelClass.RECURRENT if recurrent else ModelClass.TRANSFORMER
