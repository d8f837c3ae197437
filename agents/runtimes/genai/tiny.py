"""Two small language models of our own: what loading costs at least, and the sentinel.

An artifact of this runtime is a folder and theirs has to be one file, so the file is a mark, and
what it stands for is written here, by hand, as onnxruntime-genai's builder writes a LLaMA: the
embedding, in each layer attention with keys and values of the past, and the logits. The numbers
are drawn from a seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.folders.genai import CONFIG

from .._protobuf import chunk, number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FLOOR = b"bitgauge: the floor of onnxruntime-genai, 1\n"
SENTINEL = b"bitgauge: the sentinel of onnxruntime-genai, 1\n"
LONGEST = 64
"""Bytes that tell whether a file is one of these."""

_FLOAT, _INT32, _INT64 = 1, 6, 7
_IR_VERSION, _OPSET = 8, 17
_MODEL = "model.onnx"
_CONTEXT = 1024
_HEAD = 32


@dataclass(frozen=True, slots=True)
class Widths:
    """Layers, numbers between them (a multiple of 32), and tokens of such a model."""

    layers: int
    width: int
    vocabulary: int

    @property
    def heads(self) -> int:
        """Of attention, 32 numbers each."""
        return self.width // _HEAD


_SIZES = {FLOOR: Widths(1, 32, 64), SENTINEL: Widths(2, 256, 256)}


def made(head: bytes) -> dict[str, bytes] | None:
    """The files of the folder that a mark stands for; None for what is no mark."""
    sizes = _SIZES.get(head)
    return None if sizes is None else files_of(sizes)


def files_of(sizes: Widths) -> dict[str, bytes]:
    """The files of the folder of a model of these sizes."""
    return {CONFIG: _config(sizes), _MODEL: _model(sizes)}


def _config(sizes: Widths) -> bytes:
    ends = {
        f"{which}_{one}_names": f"{which}.%d.{one}" for which in ("past", "present") for one in _KV
    }
    decoder = {
        "session_options": {"provider_options": []},
        "filename": _MODEL,
        "head_size": _HEAD,
        "hidden_size": sizes.width,
        "num_attention_heads": sizes.heads,
        "num_hidden_layers": sizes.layers,
        "num_key_value_heads": sizes.heads,
        "inputs": {
            "input_ids": "input_ids",
            "attention_mask": "attention_mask",
            **{name: text for name, text in ends.items() if name.startswith("past")},
        },
        "outputs": {
            "logits": "logits",
            **{name: text for name, text in ends.items() if name.startswith("present")},
        },
    }
    model = {
        "type": "llama",
        "vocab_size": sizes.vocabulary,
        "context_length": _CONTEXT,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "decoder": decoder,
    }
    search = {"max_length": _CONTEXT, "past_present_share_buffer": True}
    return json.dumps({"model": model, "search": search}).encode()


_KV = ("key", "value")
_Shape = Sequence["int | str"]


def _model(sizes: Widths) -> bytes:
    """An ONNX file; the numbers of its fields are those of onnx.proto, see `ort.encode`."""
    past = [f"past.{layer}.{one}" for layer in range(sizes.layers) for one in _KV]
    present = [f"present.{layer}.{one}" for layer in range(sizes.layers) for one in _KV]
    kept: _Shape = ("batch", sizes.heads, "fed", _HEAD)
    inputs = [("input_ids", _INT64, ("batch", "new")), ("attention_mask", _INT64, ("batch", "all"))]
    outputs = [("logits", _FLOAT, ("batch", "new", sizes.vocabulary))]
    graph = (
        b"".join(chunk(1, one) for one in _nodes(sizes))
        + chunk(2, b"tiny")
        + b"".join(chunk(5, one) for one in _weights(sizes))
        + b"".join(chunk(11, _value(*one)) for one in inputs)
        + b"".join(chunk(11, _value(name, _FLOAT, kept)) for name in past)
        + b"".join(chunk(12, _value(*one)) for one in outputs)
        + b"".join(chunk(12, _value(name, _FLOAT, kept)) for name in present)
    )
    opsets = chunk(8, chunk(1, b"") + number(2, _OPSET))
    opsets += chunk(8, chunk(1, b"com.microsoft") + number(2, 1))
    return number(1, _IR_VERSION) + chunk(7, graph) + opsets


def _nodes(sizes: Widths) -> Iterator[bytes]:
    yield _node("ReduceSum", ["attention_mask", "one"], ["fed"], keepdims=0)
    yield _node("Sub", ["fed", "one"], ["last"])
    yield _node("Cast", ["last"], ["lengths"], to=_INT32)
    yield _node("Shape", ["attention_mask"], ["sizes"])
    yield _node("Gather", ["sizes", "second"], ["all"], axis=0)
    yield _node("Cast", ["all"], ["total"], to=_INT32)
    yield _node("Gather", ["embedding", "input_ids"], ["x0"])
    for layer in range(sizes.layers):
        kept = [f"{which}.{layer}.{one}" for which in ("past", "present") for one in _KV]
        yield _node("MatMul", [f"x{layer}", f"qkv{layer}"], [f"q{layer}"])
        yield _node(
            "GroupQueryAttention",
            [f"q{layer}", "", "", *kept[:2], "lengths", "total", "cosines", "sines"],
            [f"a{layer}", *kept[2:]],
            "com.microsoft",
            num_heads=sizes.heads,
            kv_num_heads=sizes.heads,
            do_rotary=1,
        )
        yield _node("MatMul", [f"a{layer}", f"out{layer}"], [f"o{layer}"])
        yield _node("Add", [f"x{layer}", f"o{layer}"], [f"x{layer + 1}"])
    yield _node("MatMul", [f"x{sizes.layers}", "head"], ["logits"])


def _weights(sizes: Widths) -> Iterator[bytes]:
    import numpy as np

    generator = np.random.default_rng(1)

    def drawn(*shape: int) -> npt.NDArray[np.float32]:
        return np.asarray(generator.standard_normal(shape) / shape[0] ** 0.5, np.float32)

    width = sizes.width
    yield _tensor("one", np.array([1], np.int64))
    yield _tensor("second", np.array(1, np.int64))
    yield _tensor("embedding", 2 * width**0.5 * drawn(sizes.vocabulary, width) / 8)
    turns = 1e4 ** -(np.arange(_HEAD // 2) / (_HEAD // 2))
    angles = np.outer(np.arange(_CONTEXT), turns)
    yield _tensor("cosines", np.cos(angles).astype(np.float32))
    yield _tensor("sines", np.sin(angles).astype(np.float32))
    for layer in range(sizes.layers):
        yield _tensor(f"qkv{layer}", 4 * drawn(width, 3 * width))
        yield _tensor(f"out{layer}", 4 * drawn(width, width))
    yield _tensor("head", 4 * drawn(width, sizes.vocabulary))


def _node(
    operator: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **numbers: int
) -> bytes:
    """An operator; each attribute is a whole number (type INT = 2)."""
    named = b"".join(chunk(1, one.encode()) for one in inputs)
    named += b"".join(chunk(2, one.encode()) for one in outputs) + chunk(4, operator.encode())
    for name, one in numbers.items():
        named += chunk(5, chunk(1, name.encode()) + number(3, one) + number(20, 2))
    return named + chunk(7, domain.encode())


def _tensor(name: str, values: npt.NDArray[np.generic]) -> bytes:
    kind = _FLOAT if values.dtype.kind == "f" else _INT64
    sizes = b"".join(number(1, one) for one in values.shape)
    little = values.astype(values.dtype.newbyteorder("<"))
    return sizes + number(2, kind) + chunk(8, name.encode()) + chunk(9, little.tobytes())


def _value(name: str, kind: int, shape: _Shape) -> bytes:
    """A tensor at the border; an axis is a size (dim_value) or has a name (dim_param)."""
    axes = b"".join(
        chunk(1, number(1, one) if isinstance(one, int) else chunk(2, one.encode()))
        for one in shape
    )
    return chunk(1, name.encode()) + chunk(2, chunk(1, number(1, kind) + chunk(2, axes)))
