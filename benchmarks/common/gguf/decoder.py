"""What the header of a GGUF file says of the language model in it."""

from __future__ import annotations

from dataclasses import dataclass

from ...vocabulary.errors import BadInput, Code
from ..digests import sha256_of_tokens
from .header import GgufHeader, GgufTensor

MAX_CONTEXT = 1 << 31
"""Tokens that a model may claim to hold."""

NO_DECODERS = {
    "clip": "a projector of images",
    "bert": "an encoder",
    "modern-bert": "an encoder",
    "neo-bert": "an encoder",
    "eurobert": "an encoder",
    "nomic-bert": "an encoder",
    "nomic-bert-moe": "an encoder",
    "jina-bert-v2": "an encoder",
    "jina-bert-v3": "an encoder",
    "gemma-embedding": "an encoder",
    "t5encoder": "an encoder",
    "t5": "an encoder with a decoder",
    "wavtokenizer-dec": "a decoder of sounds",
    "dream": "a model of diffusion",
    "llada": "a model of diffusion",
    "llada-moe": "a model of diffusion",
}
"""Architectures that llama.cpp runs and that predict no next token, with what they are."""

RECURRENT = ("mamba", "rwkv", "arwkv")
"""How names of architectures begin that have a state in place of a context that is looked at."""

_TYPES = {
    "adapter": "an adapter, which changes another model",
    "mmproj": "a projector of images",
    "vocab": "a vocabulary without a model",
    "imatrix": "an importance matrix",
}


@dataclass(frozen=True, slots=True)
class DecoderHeader:
    """A language model, as its file says.

    Attributes:
        architecture: llama.cpp's name of it, such as ``llama``.
        context_tokens: most tokens that it was made for.
        vocabulary: tokens that it knows.
        bos: the token that begins a text; None where a text begins with its own first token.
        tokenizer_sha256: of its vocabulary, see `digests.sha256_of_tokens`.
    """

    architecture: str
    context_tokens: int
    vocabulary: int
    bos: int | None
    tokenizer_sha256: str


def decoder_of(header: GgufHeader) -> DecoderHeader:
    """What a file says of its language model.

    Raises:
        BadInput: BAD_MODEL, it holds none, or not all of one.
    """
    architecture = _architecture(header)
    tokens = header.metadata.tokens
    if not tokens:
        raise _refused(
            header,
            "has no tokenizer, without which nobody knows what its tokens are; convert the model"
            " again with the files of its tokenizer beside it",
        )
    _check_embedding(header, len(tokens))
    context = header.metadata.whole(f"{architecture}.context_length")
    if context is None or not 0 < context <= MAX_CONTEXT:
        raise _refused(header, f"does not say how many tokens fit ({architecture}.context_length)")
    return DecoderHeader(
        architecture=architecture,
        context_tokens=context,
        vocabulary=len(tokens),
        bos=_bos(header, len(tokens)),
        tokenizer_sha256=sha256_of_tokens(tokens),
    )


def _architecture(header: GgufHeader) -> str:
    """The name of the architecture, of a file that holds one whole language model."""
    said = header.metadata
    kind = said.text("general.type")
    if kind in _TYPES:
        raise _refused(header, f"is {_TYPES[kind]}; give the model itself")
    parts = said.whole("split.count")
    if parts is not None and parts > 1:
        raise _refused(
            header,
            f"is one of {parts} parts of a model; put them together with llama.cpp's"
            " llama-gguf-split --merge",
        )
    architecture = said.text("general.architecture")
    if not architecture:
        raise _refused(header, "does not say its architecture (general.architecture)")
    if architecture in NO_DECODERS:
        raise _refused(
            header,
            f"is {NO_DECODERS[architecture]} ({architecture}); Bitgauge measures GGUF files of"
            " models that predict the next token",
        )
    if said.values.get(f"{architecture}.attention.causal") is False:
        raise _refused(header, f"is an encoder ({architecture} without causal attention)")
    if not header.tensors:
        raise _refused(header, "has no tensors: it is a vocabulary without a model")
    return architecture


def embedding_of(header: GgufHeader) -> GgufTensor | None:
    """The table of what each token means; None where the file has none."""
    return next((one for one in header.tensors if one.name == "token_embd.weight"), None)


def _check_embedding(header: GgufHeader, tokens: int) -> None:
    table = embedding_of(header)
    if table is None:
        raise _refused(header, "has no token_embd.weight, the table of its tokens")
    if len(table.shape) != 2 or table.shape[1] != tokens:
        raise _refused(
            header,
            f"has a tokenizer of {tokens} tokens, and its model has"
            f" {table.shape[1] if len(table.shape) > 1 else 0}",
        )


def _bos(header: GgufHeader, tokens: int) -> int | None:
    if header.metadata.values.get("tokenizer.ggml.add_bos_token") is False:
        return None
    found = header.metadata.whole("tokenizer.ggml.bos_token_id")
    if found is not None and not 0 <= found < tokens:
        raise _refused(header, f"begins texts with token {found}, and has {tokens} tokens")
    return found


def _refused(header: GgufHeader, what: str) -> BadInput:
    return BadInput(Code.BAD_MODEL, f"{header.label} is no language model to measure: it {what}.")
