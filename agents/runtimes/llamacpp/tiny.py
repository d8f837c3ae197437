"""Two language models of nothing: the floor of memory, and the sentinel. Written byte by byte.

Their weights are a short pattern that repeats, so that they cost no library to make; what they say
means nothing, but hangs on every token that was fed.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

_F32 = 0
_U32, _FLOAT, _STRING, _ARRAY, _I32 = 4, 6, 8, 9, 5
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_ALIGNMENT = 32
_HEAD = 32  # numbers of one head
_CONTEXT = 1 << 20  # that of no workload is larger


def empty() -> bytes:
    """One layer of 64 numbers, 32 tokens."""
    return _model(layers=1, width=64, inner=64, vocabulary=32)


def sentinel() -> bytes:
    """Two layers of 256 numbers, a quarter of a million multiplications a token and layer."""
    return _model(layers=2, width=256, inner=512, vocabulary=64)


def _model(*, layers: int, width: int, inner: int, vocabulary: int) -> bytes:
    """A whole file of GGUF, architecture ``llama``, every tensor float32."""
    tokens = ["<unk>", "<s>", "</s>", "<0x0A>", *(f"t{at}" for at in range(4, vocabulary))]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, _BYTE] + [_NORMAL] * (vocabulary - 4)
    values = [
        _text("general.architecture", "llama"),
        _number("llama.context_length", _CONTEXT),
        _number("llama.embedding_length", width),
        _number("llama.block_count", layers),
        _number("llama.feed_forward_length", inner),
        _number("llama.attention.head_count", width // _HEAD),
        _number("llama.rope.dimension_count", _HEAD),
        _named("llama.attention.layer_norm_rms_epsilon", _FLOAT, struct.pack("<f", 1e-5)),
        _text("tokenizer.ggml.model", "llama"),
        _list("tokenizer.ggml.tokens", _STRING, [_string(token) for token in tokens]),
        _list("tokenizer.ggml.scores", _FLOAT, [struct.pack("<f", 0.0)] * vocabulary),
        _list("tokenizer.ggml.token_type", _I32, [struct.pack("<i", kind) for kind in kinds]),
        _number("tokenizer.ggml.bos_token_id", 1),
        _number("tokenizer.ggml.eos_token_id", 2),
        _number("tokenizer.ggml.unknown_token_id", 0),
    ]
    listed, data = [], []
    offset = 0
    for name, shape in _tensors(layers, width, inner, vocabulary):
        content = _weights(name, shape)
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        listed.append(_string(name) + sizes + struct.pack("<IQ", _F32, offset))
        content += bytes(-len(content) % _ALIGNMENT)
        data.append(content)
        offset += len(content)
    counts = struct.pack("<4sIQQ", b"GGUF", 3, len(listed), len(values))
    head = b"".join((counts, *values, *listed))
    return b"".join((head, bytes(-len(head) % _ALIGNMENT), *data))


def _tensors(
    layers: int, width: int, inner: int, vocabulary: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes, the axis first along which numbers lie side by side."""
    yield "token_embd.weight", (width, vocabulary)
    for layer in range(layers):
        block = f"blk.{layer}"
        yield f"{block}.attn_norm.weight", (width,)
        for one in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"{block}.{one}.weight", (width, width)
        yield f"{block}.ffn_norm.weight", (width,)
        for one, shape in (
            ("ffn_gate", (width, inner)),
            ("ffn_up", (width, inner)),
            ("ffn_down", (inner, width)),
        ):
            yield f"{block}.{one}.weight", shape
    yield "output_norm.weight", (width,)
    yield "output.weight", (width, vocabulary)


def _weights(name: str, shape: tuple[int, ...]) -> bytes:
    """Numbers around 0, of a norm around 1; a pattern whose length divides no row."""
    count = 1
    for size in shape:
        count *= size
    seed = hashlib.shake_256(name.encode()).digest(997)
    centre, spread = (1.0, 0.2) if "norm" in name else (0.0, 0.5)
    pattern = struct.pack("<997f", *(centre + spread * (one / 127.5 - 1) for one in seed))
    return (pattern * (-(-count // 997)))[: 4 * count]


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _named(name: str, kind: int, value: bytes) -> bytes:
    return _string(name) + struct.pack("<I", kind) + value


def _number(name: str, value: int) -> bytes:
    return _named(name, _U32, struct.pack("<I", value))


def _text(name: str, value: str) -> bytes:
    return _named(name, _STRING, _string(value))


def _list(name: str, kind: int, values: list[bytes]) -> bytes:
    return _named(name, _ARRAY, struct.pack("<IQ", kind, len(values)) + b"".join(values))
