"""Weights named as Hugging Face names them, as a GGUF file of llama.cpp, and back.

llama.cpp turns neighbouring numbers of a head together where Hugging Face turns number i with
i + half: rows of the query and key weights change places. The tokenizer is llama.cpp's "llama"
(SentencePiece) with byte tokens alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from .size import Size
from .text import BOS, EOS, PAD, TOKENS, UNKNOWN

NAME = "tiny-llama"
_FIXED = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_OF_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]


def names(size: Size) -> dict[str, str]:
    """Hugging Face's name of each weight, to GGUF's, in the order of the file."""
    layers = {
        f"model.layers.{layer}.{theirs}.weight": f"blk.{layer}.{ours}.weight"
        for layer in range(size.layers)
        for theirs, ours in _OF_LAYER.items()
    }
    return {**_FIXED, **layers}


def write(weights: Weights, size: Size, path: Path, *, half: bool = True) -> None:
    """Write the file: matrices in float16 or, with `half` off, in float32; gains in float32."""
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, size, half)
    for theirs, ours in names(size).items():
        value = np.asarray(weights[theirs], np.float32)
        heads = _heads(ours, size)
        if heads:
            value = _interleaved(value, heads)
        writer.add_tensor(ours, value.astype(np.float16) if half and value.ndim > 1 else value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read(path: Path) -> tuple[dict[str, Floats], Size]:
    """Weights, in float32 under Hugging Face's names, and sizes of a file that `write` wrote."""
    reader = gguf.GGUFReader(path)

    def number(key: str) -> Any:
        return reader.fields[f"llama.{key}"].parts[-1][0].item()

    size = Size(
        layers=number("block_count"),
        width=number("embedding_length"),
        heads=number("attention.head_count"),
        key_value_heads=number("attention.head_count_kv"),
        feed_forward=number("feed_forward_length"),
        vocabulary=number("vocab_size"),
        context=number("context_length"),
        rope_base=number("rope.freq_base"),
        norm_epsilon=round(number("attention.layer_norm_rms_epsilon"), 9),
    )
    held = {tensor.name: tensor.data.astype(np.float32) for tensor in reader.tensors}
    weights = {}
    for theirs, ours in names(size).items():
        heads = _heads(ours, size)
        weights[theirs] = _halved(held[ours], heads) if heads else held[ours]
    return weights, size


def _describe(writer: Any, size: Size, half: bool) -> None:
    kinds = gguf.TokenType
    writer.add_name(NAME)
    writer.add_license("Apache-2.0")
    writer.add_description("Trained on prose of Python's documentation, to be measured.")
    writer.add_context_length(size.context)
    writer.add_embedding_length(size.width)
    writer.add_block_count(size.layers)
    writer.add_feed_forward_length(size.feed_forward)
    writer.add_head_count(size.heads)
    writer.add_head_count_kv(size.key_value_heads)
    writer.add_rope_freq_base(size.rope_base)
    writer.add_rope_dimension_count(size.head_width)
    writer.add_layer_norm_rms_eps(size.norm_epsilon)
    writer.add_vocab_size(size.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if half else gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    special = {UNKNOWN: kinds.UNKNOWN, BOS: kinds.CONTROL, EOS: kinds.CONTROL, PAD: kinds.UNUSED}
    writer.add_token_types([special.get(token, kinds.BYTE) for token in range(len(TOKENS))])
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)


def _heads(name: str, size: Size) -> int:
    """Heads whose rows change places; 0 where none do."""
    if name.endswith("attn_q.weight"):
        return size.heads
    return size.key_value_heads if name.endswith("attn_k.weight") else 0


def _interleaved(value: Floats, heads: int) -> Floats:
    """[heads, 2, half, width] to [heads, half, 2, width]."""
    rows, width = value.shape
    turned: Floats = value.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2)
    return turned.reshape(rows, width)


def _halved(value: Floats, heads: int) -> Floats:
    """The way back from `_interleaved`."""
    rows, width = value.shape
    turned: Floats = value.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2)
    return turned.reshape(rows, width)
