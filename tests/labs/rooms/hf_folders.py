"""Small folders of Hugging Face's form, written by hand: no library, weights of zeros."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TOKENS = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "<pad>")
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "max_position_embeddings": 64,
    "vocab_size": len(TOKENS),
    "bos_token_id": 1,
}
WEIGHTS = {
    "model.embed_tokens.weight": ("F32", (260, 8)),
    "model.layers.0.self_attn.q_proj.weight": ("F32", (8, 8)),
    "model.norm.weight": ("F32", (8,)),
}
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I8": 1, "U8": 1, "I32": 4}


def header_of(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> dict[str, Any]:
    """Name, type, sizes and place of tensors that follow one another."""
    held: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, shape) in tensors.items():
        size = _BYTES[dtype]
        for one in shape:
            size *= one
        held[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return held


def file_of(header: dict[str, Any] | bytes, data_bytes: int | None = None) -> bytes:
    """A file of tensors with that header, and as many zeros as it says or as are asked for."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    if data_bytes is None:
        assert isinstance(header, dict)
        places = [one["data_offsets"][1] for at, one in header.items() if at != "__metadata__"]
        data_bytes = max(places, default=0)
    return len(text).to_bytes(8, "little") + text + bytes(data_bytes)


def tokenizer_of(tokens: tuple[str, ...] = TOKENS) -> dict[str, Any]:
    """What the tokenizers library would say of these; the last one was added."""
    vocab = {text: at for at, text in enumerate(tokens[:-1])}
    of_text = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [{"id": len(tokens) - 1, "content": tokens[-1], "special": True, **of_text}]
    return {"model": {"type": "BPE", "vocab": vocab, "merges": []}, "added_tokens": added}


def make(
    folder: Path,
    tensors: Mapping[str, tuple[str, tuple[int, ...]]] | None = None,
    **config: Any,
) -> Path:
    """A folder with one file of weights; what is given of its configuration stands in it too."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    weights = WEIGHTS if tensors is None else tensors
    (folder / "model.safetensors").write_bytes(file_of(header_of(weights)))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_of()))
    return folder
