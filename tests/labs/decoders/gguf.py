"""A GGUF file of a few kilobytes, written value by value so that each may be wrong."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.common.gguf.types import TYPES

TOKENS = ("<unk>", "<s>", "</s>", *(chr(97 + at) for at in range(13)))
NUMBERS = {one.name: number for number, one in TYPES.items()}


@dataclass(frozen=True)
class Stored:
    """A tensor: GGUF's order of axes, and the name of its type; `data` or zeros."""

    name: str
    shape: tuple[int, ...]
    type: str = "f32"
    data: bytes | None = None

    @property
    def bytes(self) -> bytes:
        kind = TYPES[NUMBERS[self.type]]
        size = int(np.prod(self.shape)) // kind.block * kind.size
        return self.data if self.data is not None else bytes(size)


@dataclass(frozen=True)
class Gguf:
    """A file; what is in `values` is of the type that its Python value has."""

    values: Mapping[str, object] = field(default_factory=dict)
    tensors: Sequence[Stored] = ()
    version: int = 3
    order: str = "<"

    def with_values(self, **changes: object) -> Gguf:
        """With other values; dots of names are written ``__``; None: without it."""
        named = {name.replace("__", "."): value for name, value in changes.items()}
        both = {**self.values, **named}
        return replace(self, values={name: one for name, one in both.items() if one is not None})

    def bytes(self) -> bytes:
        """The whole file."""
        pack = struct.Struct
        head = b"GGUF" + pack(f"{self.order}IQQ").pack(
            self.version, len(self.tensors), len(self.values)
        )
        head += b"".join(text(name) + valued(value) for name, value in self.values.items())
        body = b""
        for one in self.tensors:
            head += text(one.name) + struct.pack("<I", len(one.shape))
            head += struct.pack(f"<{len(one.shape)}QIQ", *one.shape, NUMBERS[one.type], len(body))
            body += padded(one.bytes)
        return padded(head) + body

    def write(self, path: Path) -> Path:
        path.write_bytes(self.bytes())
        return path


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 32)


def text(word: str | bytes) -> bytes:
    data = word.encode() if isinstance(word, str) else word
    return struct.pack("<Q", len(data)) + data


def valued(value: object) -> bytes:
    """A value with its type: texts, truths, whole numbers, floats, and lists of one kind."""
    if isinstance(value, bytes):  # as it stands
        return value
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    assert isinstance(value, Sequence)
    items = [signed(one) if type(one) is int else valued(one) for one in value]
    kind = items[0][:4] if items else struct.pack("<I", 4)
    return (
        struct.pack("<I", 9)
        + kind
        + struct.pack("<Q", len(items))
        + b"".join(one[4:] for one in items)
    )


def signed(value: int) -> bytes:
    """A whole number as llama.cpp reads those of an array."""
    return struct.pack("<Ii", 5, value)


def tiny(kind: str = "f32", *, width: int = 32, tokens: Sequence[str] = TOKENS) -> Gguf:
    """A model of LLaMA's architecture with one layer; its matrices are stored as `kind`."""
    count, inner = len(tokens), 2 * width
    matrices = {
        "token_embd.weight": (width, count),
        "blk.0.attn_q.weight": (width, width),
        "blk.0.attn_k.weight": (width, width),
        "blk.0.attn_v.weight": (width, width),
        "blk.0.attn_output.weight": (width, width),
        "blk.0.ffn_gate.weight": (width, inner),
        "blk.0.ffn_up.weight": (width, inner),
        "blk.0.ffn_down.weight": (inner, width),
        "output.weight": (width, count),
    }
    norms = ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight")
    return Gguf(
        {
            "general.architecture": "llama",
            "general.file_type": 0,
            "llama.context_length": 64,
            "llama.embedding_length": width,
            "llama.block_count": 1,
            "llama.feed_forward_length": inner,
            "llama.attention.head_count": 2,
            "llama.attention.head_count_kv": 2,
            "llama.rope.dimension_count": width // 2,
            "llama.attention.layer_norm_rms_epsilon": 1e-5,
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.tokens": list(tokens),
            "tokenizer.ggml.scores": [0.0] * count,
            "tokenizer.ggml.token_type": [2, 3, 3, *([1] * (count - 3))],
            "tokenizer.ggml.bos_token_id": 1,
        },
        (
            *(Stored(name, shape, kind) for name, shape in matrices.items()),
            *(Stored(name, (width,)) for name in norms),
        ),
    )
