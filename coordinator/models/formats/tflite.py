"""tflite: a model of LiteRT, once TensorFlow Lite; a flatbuffer after its published schema.

Only the tables that say what the model is are read, by the reader that LiteRT's own schema makes
and its package brings; weights are not. The reader trusts the offsets of a file, so whatever it
raises means that the file is damaged; LiteRT verifies them again before it runs one. The package
`tflite` is no reader to use here: it takes codes that only the second field holds for ADD.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.recipes import parse

from ..base import ModelFacts, OutputSpec
from ..classes import classify

NAME = "tflite"
RANK = 10

MAX_FILE_BYTES = (1 << 31) - 1  # what the offsets of a flatbuffer reach
MAX_ITEMS = 100_000
"""Tensors, operators or buffers of a file; a damaged one may seem to have any number."""

_SIGNATURE = b"TFL3"
_VERSION = 3
_FAMILIES = {
    "FLOAT32": FormatFamily.FP32,
    "FLOAT16": FormatFamily.FP16,
    "BFLOAT16": FormatFamily.BF16,
    "INT8": FormatFamily.INT8,
    "UINT8": FormatFamily.INT8,
    "INT4": FormatFamily.INT4,
}
_NUMPY = {"STRING": "str", "RESOURCE": "object", "VARIANT": "object"}
_PRODUCTS = {
    "CONV_2D": "Conv",
    "CONV_3D": "Conv",
    "DEPTHWISE_CONV_2D": "Conv",
    "TRANSPOSE_CONV": "ConvTranspose",
    "CONV_3D_TRANSPOSE": "ConvTranspose",
    "FULLY_CONNECTED": "Gemm",
    "BATCH_MATMUL": "MatMul",
    "LSTM": "LSTM",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "LSTM",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "LSTM",
    "RNN": "RNN",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "RNN",
    "BIDIRECTIONAL_SEQUENCE_RNN": "RNN",
    "SVDF": "RNN",
}
"""What multiplies, and what ONNX calls it: classes are told by ONNX's names."""


def recognises(head: bytes) -> bool:
    """Whether it carries the schema's identifier, at byte 4."""
    return head[4:8] == _SIGNATURE


def facts(path: Path, label: str) -> ModelFacts:
    """What the file at `path` is; see `base.Format`."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadInput(Code.BAD_MODEL, f"{label} is larger than 2 GiB, which no flatbuffer can be.")
    data = path.read_bytes()
    try:
        return _facts(_Graph.of(data, label), len(data))
    except BitgaugeError:
        raise
    except Exception as error:  # the reader follows offsets: struct.error, IndexError, and more
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} is damaged: what its bytes point to is not in it; export it again.",
        ) from error


def _schema() -> Any:
    """LiteRT's schema.

    Raises:
        Refused: its package is not installed here.
    """
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise Refused(
            Code.RUNTIME_MISSING,
            "The coordinator cannot look into a tflite file without LiteRT's package; install it"
            " with: pip install 'bitgauge[litert]'.",
        ) from error
    return schema_py_generated


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One tensor: `quantized` when its integers stand for numbers, `held` when the file has it."""

    name: str
    kind: str
    shape: tuple[int | None, ...]
    quantized: bool
    held: bool

    @property
    def elements(self) -> int:
        product = 1
        for size in self.shape:
            product *= size or 0
        return product

    @property
    def dtype(self) -> str:
        """As a caller sees it: integers that stand for numbers are converted on the device."""
        return "float32" if self.quantized else _NUMPY.get(self.kind, self.kind.lower())


@dataclass(frozen=True, slots=True)
class _Operator:
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class _Graph:
    """The tables of a file that are looked at: its first subgraph, which is the one that runs."""

    tensors: tuple[_Tensor, ...]
    operators: tuple[_Operator, ...]
    inputs: dict[str, int]
    outputs: dict[str, int]

    @classmethod
    def of(cls, data: bytes, label: str) -> _Graph:
        """From the bytes of a file."""
        model = _schema().Model.GetRootAs(data, 0)
        if model.Version() != _VERSION:
            raise BadInput(
                Code.BAD_MODEL,
                f"{label} is of schema version {model.Version()}; LiteRT reads {_VERSION}.",
            )
        named = _signature(model, label)
        subgraph = model.Subgraphs(0)
        tensors = tuple(_tensors(model, subgraph))
        inputs, outputs = named or (
            {tensors[at].name: at for at in _ints(subgraph, "Inputs")},
            {tensors[at].name: at for at in _ints(subgraph, "Outputs")},
        )
        return cls(tensors, tuple(_operators(model, subgraph)), inputs, outputs)

    @cached_property
    def weights(self) -> tuple[_Tensor, ...]:
        """What products read that the file holds, each once, in the type in which it is held."""
        makers = {at: one for one in self.operators for at in one.outputs}
        found: dict[int, _Tensor] = {}
        for one in self.operators:
            for at in one.inputs if one.kind in _PRODUCTS else ():
                maker = makers.get(at)
                widened = maker is not None and maker.kind == "DEQUANTIZE"
                kept = maker.inputs[0] if maker is not None and widened else at
                if kept >= 0 and self.tensors[kept].held and len(self.tensors[kept].shape) > 1:
                    found[kept] = self.tensors[kept]
        return tuple(found.values())

    @property
    def activation_products(self) -> int:
        """Products of two tensors that are both computed."""
        return sum(
            one.kind == "BATCH_MATMUL" and not any(self.tensors[at].held for at in one.inputs)
            for one in self.operators
        )


def _count(length: int) -> range:
    if not 0 <= length <= MAX_ITEMS:
        raise ValueError(f"{length} items")
    return range(length)


def _ints(table: Any, field: str) -> tuple[int, ...]:
    item = getattr(table, field)
    return tuple(int(item(at)) for at in _count(getattr(table, f"{field}Length")()))


def _signature(model: Any, label: str) -> tuple[dict[str, int], dict[str, int]] | None:
    """Names that the owner gave to inputs and outputs, with the tensor of each."""
    count = model.SignatureDefsLength()
    if count > 1:
        keys = (model.SignatureDefs(at).SignatureKey() for at in _count(count))
        listed = ", ".join(key.decode(errors="replace") for key in keys)
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} has {count} signatures, {listed[:200]}; export the one that is to be"
            " measured alone.",
        )
    if not count:
        return None
    one = model.SignatureDefs(0)
    sides = ((one.Inputs, one.InputsLength()), (one.Outputs, one.OutputsLength()))
    named = [
        {item(at).Name().decode(): int(item(at).TensorIndex()) for at in _count(length)}
        for item, length in sides
    ]
    return named[0], named[1]


def _tensors(model: Any, subgraph: Any) -> Iterator[_Tensor]:
    kinds = _names_of("TensorType")
    buffers = _count(model.BuffersLength())
    for at in _count(subgraph.TensorsLength()):
        one = subgraph.Tensors(at)
        scales = one.Quantization()
        kind = kinds[one.Type()]
        buffer = model.Buffers(buffers[one.Buffer()])
        sizes = _ints(one, "ShapeSignature") or _ints(one, "Shape")
        yield _Tensor(
            name=one.Name().decode(),
            kind=kind,
            shape=tuple(size if size >= 0 else None for size in sizes),
            quantized="INT" in kind and scales is not None and scales.ScaleLength() > 0,
            held=buffer.DataLength() > 0 or buffer.Offset() > 1,
        )


def _operators(model: Any, subgraph: Any) -> Iterator[_Operator]:
    kinds = _names_of("BuiltinOperator")
    codes = [model.OperatorCodes(at) for at in _count(model.OperatorCodesLength())]
    for at in _count(subgraph.OperatorsLength()):
        one = subgraph.Operators(at)
        code = codes[one.OpcodeIndex()]
        # Codes above 127 did not fit the first field (schema.fbs, OperatorCode).
        kind = kinds[max(code.DeprecatedBuiltinCode(), code.BuiltinCode())]
        if kind == "CUSTOM":
            kind = code.CustomCode().decode()
        yield _Operator(kind, _ints(one, "Inputs"), _ints(one, "Outputs"))


def _names_of(enumeration: str) -> dict[int, str]:
    """The names of the schema's numbers."""
    words = vars(getattr(_schema(), enumeration))
    return {number: word for word, number in words.items() if isinstance(number, int)}


def _facts(graph: _Graph, size_bytes: int) -> ModelFacts:
    kinds = Counter(one.kind for one in graph.operators)
    translated: Counter[str] = Counter()
    for kind, count in kinds.items():
        translated[_PRODUCTS.get(kind, kind.capitalize())] += count
    family = _family(graph.weights)
    integers = any(one.quantized for one in graph.tensors)
    plain = not integers and {one.kind for one in graph.weights} <= {"FLOAT32"}
    return ModelFacts(
        inputs=tuple(
            InputSpec(name, graph.tensors[at].dtype, graph.tensors[at].shape)
            for name, at in graph.inputs.items()
        ),
        outputs=tuple(
            OutputSpec(name, graph.tensors[at].dtype, graph.tensors[at].shape)
            for name, at in graph.outputs.items()
        ),
        operator_counts=dict(sorted(kinds.items())),
        model_class=classify(translated, graph.activation_products),
        recipe=parse(FormatFamily.FP32.value) if plain else None,
        parameter_count=_parameters(graph.tensors),
        size_bytes=size_bytes,
        family=family,
    )


def _family(weights: Sequence[_Tensor]) -> FormatFamily | None:
    """The family of most of the multiplied weights; None when none has more than half of them."""
    sizes: Counter[FormatFamily | None] = Counter()
    for one in weights:
        sizes[_FAMILIES.get(one.kind)] += one.elements
    if not sizes:
        return None
    family, size = sizes.most_common(1)[0]
    return family if 2 * size > sizes.total() else None


def _parameters(tensors: Sequence[_Tensor]) -> int:
    """Elements of the constants that hold numbers, as stored; see `ModelFacts`."""
    held = [one for one in tensors if one.held and one.shape]
    return sum(one.elements for one in held if one.kind in _FAMILIES)
