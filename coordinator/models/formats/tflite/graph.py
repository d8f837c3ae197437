"""The tables of a tflite file: tensors and operators of the subgraph that runs.

Read by the reader that LiteRT's own schema makes and its package brings; weights stay where they
are. It trusts the offsets of a file, so whatever it raises means that the file is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

MAX_ITEMS = 100_000
"""Tensors, operators or buffers of a file; a damaged one may seem to have any number."""

_VERSION = 3
_NUMPY = {"STRING": "str", "RESOURCE": "object", "VARIANT": "object"}
PRODUCTS = {
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


def schema() -> Any:
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
class LiteTensor:
    """One tensor.

    Attributes:
        name: need not be unique.
        kind: of its elements, as the schema names it.
        shape: None where any size is taken.
        held: whether the file has its values.
        scales: how many there are; integers with one or more stand for numbers.
        scale: the largest of them.
        zero_point: the first.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    held: bool
    scales: int = 0
    scale: float = 0.0
    zero_point: int = 0

    @property
    def quantized(self) -> bool:
        """Whether its integers stand for numbers."""
        return "INT" in self.kind and self.scales > 0

    @property
    def elements(self) -> int:
        """How many there are; 0 where that is not told."""
        product = 1
        for size in self.shape:
            product *= size or 0
        return product

    @property
    def dtype(self) -> str:
        """As a caller sees it: integers that stand for numbers are converted on the device."""
        return "float32" if self.quantized else _NUMPY.get(self.kind, self.kind.lower())


@dataclass(frozen=True, slots=True)
class LiteOperator:
    """One operator: tensors by their places in the subgraph, -1 for one that is left out."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class LiteGraph:
    """The tables of a file that are looked at: its first subgraph, which is the one that runs."""

    tensors: tuple[LiteTensor, ...]
    operators: tuple[LiteOperator, ...]
    inputs: dict[str, int]
    outputs: dict[str, int]

    @classmethod
    def of(cls, data: bytes, label: str) -> LiteGraph:
        """From the bytes of a file."""
        model = schema().Model.GetRootAs(data, 0)
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
    def weights(self) -> tuple[LiteTensor, ...]:
        """What products read that the file holds, each once, in the type in which it is held."""
        makers = {at: one for one in self.operators for at in one.outputs}
        found: dict[int, LiteTensor] = {}
        for one in self.operators:
            for at in one.inputs if one.kind in PRODUCTS else ():
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


def _tensors(model: Any, subgraph: Any) -> Iterator[LiteTensor]:
    kinds = _names_of("TensorType")
    buffers = _count(model.BuffersLength())
    for at in _count(subgraph.TensorsLength()):
        one = subgraph.Tensors(at)
        scales = one.Quantization()
        kind = kinds[one.Type()]
        buffer = model.Buffers(buffers[one.Buffer()])
        sizes = _ints(one, "ShapeSignature") or _ints(one, "Shape")
        count = scales.ScaleLength() if scales is not None else 0
        yield LiteTensor(
            name=one.Name().decode(),
            kind=kind,
            shape=tuple(size if size >= 0 else None for size in sizes),
            held=buffer.DataLength() > 0 or buffer.Offset() > 1,
            scales=count,
            scale=float(scales.ScaleAsNumpy().max()) if count else 0.0,
            zero_point=int(scales.ZeroPoint(0)) if count and scales.ZeroPointLength() else 0,
        )


def _operators(model: Any, subgraph: Any) -> Iterator[LiteOperator]:
    kinds = _names_of("BuiltinOperator")
    codes = [model.OperatorCodes(at) for at in _count(model.OperatorCodesLength())]
    for at in _count(subgraph.OperatorsLength()):
        one = subgraph.Operators(at)
        code = codes[one.OpcodeIndex()]
        # Codes above 127 did not fit the first field (schema.fbs, OperatorCode).
        kind = kinds[max(code.DeprecatedBuiltinCode(), code.BuiltinCode())]
        if kind == "CUSTOM":
            kind = code.CustomCode().decode()
        yield LiteOperator(kind, _ints(one, "Inputs"), _ints(one, "Outputs"))


def _names_of(enumeration: str) -> dict[int, str]:
    """The names of the schema's numbers."""
    words = vars(getattr(schema(), enumeration))
    return {number: word for word, number in words.items() if isinstance(number, int)}
