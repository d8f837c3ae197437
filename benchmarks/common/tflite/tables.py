"""The tables of a tflite file, read by LiteRT's own schema, which its package brings.

Offsets are followed by Python, which reads nothing beyond the bytes that it was given: whatever it
raises means that the file is damaged. Weights are views of those bytes, and are not touched unless
somebody looks. The schema is heavy, and is imported when a file is read. The package `tflite` is no
reader to use here: it takes codes that only the second field holds for ADD.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...vocabulary.errors import BadInput, BitgaugeError, Code, Refused

Array = npt.NDArray[Any]

SCHEMA_VERSION = 3
MAX_ITEMS = 100_000
"""Tensors, operators or buffers of a file; a damaged one may seem to have any number."""

_MARK = b"TFL3"
_DTYPES: dict[str, str] = {
    "FLOAT32": "<f4",
    "FLOAT16": "<f2",
    "FLOAT64": "<f8",
    "INT8": "i1",
    "UINT8": "u1",
    "INT16": "<i2",
    "UINT16": "<u2",
    "INT32": "<i4",
    "UINT32": "<u4",
    "INT64": "<i8",
    "UINT64": "<u8",
    "BOOL": "?",
}
BITS: dict[str, int] = {
    **{kind: 8 * np.dtype(name).itemsize for kind, name in _DTYPES.items()},
    **{"INT4": 4, "UINT4": 4, "INT2": 2, "BFLOAT16": 16, "COMPLEX64": 64, "COMPLEX128": 128},
    **{"FLOAT8_E4M3FN": 8, "FLOAT8_E5M2": 8},
}
"""Bits of one value; types that are not here have values of any length."""
_SAID = {"STRING": "str", "RESOURCE": "object", "VARIANT": "object"}


@dataclass(frozen=True, slots=True, eq=False)
class FileTensor:
    """One tensor of a file.

    Attributes:
        kind: name of its type in the schema.
        shape: sizes as stored, 1 where any is taken.
        open_shape: the same, None where any is taken.
        scales: of its quantization; () for numbers.
        axis: along which there is a scale each, where there are several.
        block: elements along the last axis that share a scale; 0 where none do so in blocks.
        scales_at: number of the tensor that holds the scales of blocks, another one of its graph.
        data: bytes that the file has of it, also behind the flatbuffer; empty for what is computed.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    open_shape: tuple[int | None, ...]
    scales: tuple[float, ...]
    zeros: tuple[int, ...]
    axis: int
    block: int
    scales_at: int
    data: Array

    @property
    def constant(self) -> bool:
        """Whether the file has its values."""
        return bool(self.data.size)

    @property
    def quantized(self) -> bool:
        """Whether its integers stand for numbers."""
        return "INT" in self.kind and bool(self.scales or self.block)

    @property
    def dtype(self) -> str:
        """As a caller sees it: integers that stand for numbers are converted on the device."""
        return "float32" if self.quantized else _SAID.get(self.kind, self.kind.lower())

    @property
    def elements(self) -> int:
        """How many values it has, as stored."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    def values(self) -> Array | None:
        """Its values, four and two bits widened to eight; None for what cannot be shown here."""
        if not self.data.size:
            return None
        if self.kind in ("INT4", "INT2"):
            return _narrow(self.data, BITS[self.kind], self.elements).reshape(self.shape)
        if self.kind not in _DTYPES:
            return None
        return self.data.view(_DTYPES[self.kind])[: self.elements].reshape(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class FileOperator:
    """One operator, by its name in the schema or a custom one's own.

    Attributes:
        inputs: numbers of its tensors; -1 where one is left out.
        options: by their names in the schema.
    """

    kind: str
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class FileGraph:
    """One subgraph; the first one runs."""

    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FileSignature:
    """One signature: numbers of tensors by the names that its owner gave."""

    key: str
    graph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """All that a file says."""

    graphs: tuple[FileGraph, ...]
    signatures: tuple[FileSignature, ...]


def schema() -> Any:
    """LiteRT's schema.

    Raises:
        Refused: `RUNTIME_MISSING`, its package is not installed here.
    """
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise Refused(
            Code.RUNTIME_MISSING,
            "Nobody can look into a tflite file without LiteRT's package; install it with: pip"
            " install 'bitgauge[litert]'.",
        ) from error
    return schema_py_generated


def read(data: Any, label: str) -> Tables:
    """The tables of a file, from its bytes or a map of them.

    Args:
        data: all of it.
        label: what sentences call it.

    Raises:
        BadInput: `bad_model`, it is no tflite file of this schema, or damaged.
        Refused: `RUNTIME_MISSING`, LiteRT's package is not installed here.
    """
    if len(data) < 8 or bytes(data[4:8]) != _MARK:
        raise _bad(label, "does not hold TFL3 in its bytes 4 to 8")
    try:
        return _tables(data)
    except _Refused as error:
        raise _bad(label, str(error)) from error
    except BitgaugeError:
        raise
    except Exception as error:  # struct.error, IndexError, TypeError, and more
        raise damaged(label) from error


def damaged(label: str) -> BadInput:
    """What to say of a file whose tables point beyond it."""
    return _bad(label, "is damaged: what its bytes point to is not in it")


def _bad(label: str, words: str) -> BadInput:
    return BadInput(Code.BAD_MODEL, f"{label} cannot be read as tflite: it {words}.")


class _Refused(Exception):
    """What a file says that nobody reads; words that follow "it"."""


def _tables(data: Any) -> Tables:
    model = schema().Model.GetRootAs(data, 0)
    version = model.Version()
    if version != SCHEMA_VERSION:
        raise _Refused(f"is of schema version {version}; LiteRT reads version {SCHEMA_VERSION}")
    buffers = [_held(one, data) for one in _items(model, "Buffers", "buffers")]
    codes = list(_items(model, "OperatorCodes", "operator codes"))
    graphs = (_graph(one, codes, buffers) for one in _items(model, "Subgraphs", "subgraphs"))
    return Tables(tuple(graphs), tuple(_signatures(model)))


def _items(table: Any, field: str, what: str) -> Iterator[Any]:
    """What a vector of tables holds."""
    length = getattr(table, f"{field}Length")()
    if not 0 <= length <= MAX_ITEMS:
        raise _Refused(f"has {length} {what}, more than the {MAX_ITEMS} that are read")
    return map(getattr(table, field), range(length))


def _graph(one: Any, codes: list[Any], buffers: list[Array]) -> FileGraph:
    kinds, names = _names_of("TensorType"), _names_of("BuiltinOperator")
    return FileGraph(
        tuple(_tensor(it, kinds, buffers) for it in _items(one, "Tensors", "tensors")),
        tuple(_operator(it, codes, names) for it in _items(one, "Operators", "operators")),
        _whole(one.InputsAsNumpy()),
        _whole(one.OutputsAsNumpy()),
    )


def _tensor(one: Any, kinds: dict[int, str], buffers: list[Array]) -> FileTensor:
    number = one.Buffer()
    if not 0 <= number < max(len(buffers), 1):
        raise _Refused(f"has values of a tensor in buffer {number} of {len(buffers)}")
    scales: tuple[float, ...] = ()
    zeros: tuple[int, ...] = ()
    axis, block, scales_at = 0, 0, -1
    sizes = _whole(one.ShapeAsNumpy())
    how = one.Quantization()
    if how is not None:
        scales = tuple(_array(how.ScaleAsNumpy(), np.float32).tolist())
        zeros = _whole(how.ZeroPointAsNumpy())
        axis = how.QuantizedDimension()
        block, scales_at = _blocks(how)
    return FileTensor(
        (one.Name() or b"").decode("utf-8", "replace"),
        kinds.get(one.Type(), str(one.Type())),
        sizes,
        tuple(None if size < 0 else size for size in _whole(one.ShapeSignatureAsNumpy()) or sizes),
        scales,
        zeros,
        axis,
        block,
        scales_at,
        buffers[number] if buffers else np.zeros(0, np.uint8),
    )


def _blocks(how: Any) -> tuple[int, int]:
    """Size of blocks, and the tensor of their scales; 0 and -1 where there are none."""
    words = schema()
    if how.DetailsType() != words.QuantizationDetails.BlockwiseQuantization:
        return 0, -1
    told = words.BlockwiseQuantization()
    told.Init(how.Details().Bytes, how.Details().Pos)
    # A size of none is still in blocks: whoever looks at the file refuses it.
    return told.BlockSize() or -1, told.Scales()


def _held(buffer: Any, data: Any) -> Array:
    """The bytes of a buffer: in the flatbuffer, or behind it where it says at which byte."""
    offset, length = buffer.Offset(), buffer.Size()
    if offset <= 1:  # the first two mean that there are none behind it
        return _array(buffer.DataAsNumpy(), np.uint8)
    if offset + length > len(data):
        raise _Refused(f"has a buffer up to byte {offset + length}, and ends at {len(data)}")
    held: Array = np.frombuffer(data, np.uint8, length, offset)
    return held


def _operator(one: Any, codes: list[Any], names: dict[int, str]) -> FileOperator:
    number = one.OpcodeIndex()
    if not 0 <= number < len(codes):
        raise _Refused(f"has an operator of kind {number} of {len(codes)}")
    code = codes[number]
    # Codes above 127 did not fit the first field (schema.fbs, OperatorCode).
    found = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    kind = names.get(found, str(found))
    custom = kind == "CUSTOM"
    if custom:
        kind = (code.CustomCode() or b"").decode("utf-8", "replace")
    return FileOperator(
        kind, custom, _whole(one.InputsAsNumpy()), _whole(one.OutputsAsNumpy()), _options(one)
    )


def _options(one: Any) -> dict[str, Any]:
    kind, table = one.BuiltinOptionsType(), one.BuiltinOptions()
    if not kind or table is None:
        return {}
    made = schema().BuiltinOptionsCreator(kind, table)
    return {} if made is None else dict(vars(made))


def _signatures(model: Any) -> Iterator[FileSignature]:
    for one in _items(model, "SignatureDefs", "signatures"):
        sides = (
            {
                (it.Name() or b"").decode(): int(it.TensorIndex())
                for it in _items(one, side, "names")
            }
            for side in ("Inputs", "Outputs")
        )
        yield FileSignature(
            (one.SignatureKey() or b"").decode("utf-8", "replace"), one.SubgraphIndex(), *sides
        )


def _array(found: Any, kind: type) -> Array:
    """What a vector holds; the reader says 0 where there is none."""
    return np.zeros(0, kind) if isinstance(found, int) else np.asarray(found)


def _whole(found: Any) -> tuple[int, ...]:
    return tuple(int(one) for one in _array(found, np.int64).tolist())


def _names_of(enumeration: str) -> dict[int, str]:
    words = vars(getattr(schema(), enumeration))
    return {number: word for word, number in words.items() if isinstance(number, int)}


def _narrow(data: Array, bits: int, count: int) -> npt.NDArray[np.int8]:
    """Signed values of less than eight bits, the lowest bits first."""
    each = 8 // bits
    lifts = [(data << (8 - bits * (at + 1))).view(np.int8) >> (8 - bits) for at in range(each)]
    wide: npt.NDArray[np.int8] = np.stack(lifts, axis=-1).reshape(-1)[:count]
    return wide
