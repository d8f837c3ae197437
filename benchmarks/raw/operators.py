"""The raw file of pass `operators`, beside the metadata of every pass.

meta   calls, call_ns, resolution_ns, why_not, pieces
arrays name op_type provider inputs outputs U[k], calls_of i8[k], time_ns median_ns f8[k]
       listed.name listed.op_type listed.placed listed.inputs listed.outputs U[n], of a runtime that
       tells no times; files of older agents lack them
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields

import msgspec
import numpy as np

from ..common.fits import Amount, Whole
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import bad_raw, floats_of, ints_of, meta_of, rows_of, texts_of, told

_TEXTS = ("name", "op_type", "provider", "inputs", "outputs")
_FLOATS = ("time_ns", "median_ns")
_CALLS = "calls_of"
_LISTED = "listed."


class _Meta(msgspec.Struct, frozen=True):
    calls: Whole
    call_ns: Amount
    resolution_ns: Whole
    why_not: str = ""
    pieces: Whole = 0


def operators_raw(origin: RawOrigin, profile: OperatorProfile) -> RawFile:
    """The raw file of one launch of pass `operators`."""
    rows = profile.operators
    texts = {name: np.array([getattr(row, name) for row in rows], np.str_) for name in _TEXTS}
    floats = {name: np.array([getattr(row, name) for row in rows], np.float64) for name in _FLOATS}
    calls = {_CALLS: np.array([row.calls for row in rows], np.int64)}
    listed = {
        _LISTED + one.name: np.array([getattr(row, one.name) for row in profile.listed], np.str_)
        for one in fields(ListedOperator)
    }
    return RawFile(
        origin_meta(origin) | told(_Meta, profile),
        texts | floats | calls | (listed if profile.listed else {}),
    )


def operator_profile(raw: RawFile) -> OperatorProfile:
    """The profile in a raw file of pass `operators`; `BadInput` when it does not hold one."""
    size = rows_of(raw, "name")
    texts = {name: texts_of(raw, name, size).tolist() for name in _TEXTS}
    times = {name: floats_of(raw, name, size) for name in _FLOATS}
    if any(np.any(~np.isfinite(values)) or np.any(values < 0) for values in times.values()):
        raise bad_raw("a time is negative or no number")
    columns = texts | {name: values.tolist() for name, values in times.items()}
    columns["calls"] = ints_of(raw, _CALLS, size).tolist()
    rows = zip(*(columns[field.name] for field in fields(OperatorTime)), strict=True)
    operators = tuple(OperatorTime(*row) for row in rows)
    return OperatorProfile(operators, listed=_listed(raw), **told(_Meta, meta_of(raw, _Meta)))


def _listed(raw: RawFile) -> tuple[ListedOperator, ...]:
    if _LISTED + "name" not in raw.arrays:
        return ()
    size = rows_of(raw, _LISTED + "name")
    names = [_LISTED + one.name for one in fields(ListedOperator)]
    columns = [texts_of(raw, name, size).tolist() for name in names]
    return tuple(ListedOperator(*row) for row in zip(*columns, strict=True))


CONVERT = "convert"
CAST = "cast"
LAYOUT = "layout"
INTEGER = "integer"
FLOAT = "float"
WEIGHT_ONLY = "weight_only"
OTHER = "other"
"""What an operator does for the model."""

_ROLE_OF: dict[str, str] = {
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"), CONVERT),
    **dict.fromkeys(("QUANTIZE", "DEQUANTIZE"), CONVERT),
    **dict.fromkeys(("Cast", "CastLike", "CAST"), CAST),
    **dict.fromkeys(
        (
            *("RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "CONCATENATION", "SPLIT", "SLICE"),
            *("STRIDED_SLICE", "GATHER", "PACK", "UNPACK"),
        ),
        LAYOUT,
    ),
    **dict.fromkeys(
        (
            *("ReorderInput", "ReorderOutput", "Transpose", "Reshape", "Flatten", "Squeeze"),
            *("Unsqueeze", "Identity", "Concat", "Split", "Slice", "Gather"),
        ),
        LAYOUT,
    ),
    **dict.fromkeys(
        (
            *("QLinearMatMul", "QLinearConv", "QGemm", "MatMulInteger", "ConvInteger"),
            *("MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QAttention", "QLinearAdd"),
            *("QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax"),
            *("QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearConcat", "QLinearWhere"),
            *("DynamicQuantizeLSTM", "QLinearReduceMean"),
        ),
        INTEGER,
    ),
    **dict.fromkeys(
        (
            *("MatMul", "Gemm", "Conv", "ConvTranspose", "FusedMatMul", "FusedGemm", "FusedConv"),
            *("Attention", "MultiHeadAttention", "LSTM", "GRU", "Einsum", "NhwcFusedConv"),
        ),
        FLOAT,
    ),
    **dict.fromkeys(("MatMulNBits", "MatMulBnb4", "GatherBlockQuantized"), WEIGHT_ONLY),
    # OpenVINO's; what its kernels compute in integers ends with that.
    **dict.fromkeys(
        ("Convolution", "GroupConvolution", "Deconvolution", "FullyConnected"),
        FLOAT,
    ),
    **dict.fromkeys(
        (
            *("Convolution.i8", "GroupConvolution.i8", "Deconvolution.i8", "FullyConnected.i8"),
            "MatMul.i8",
        ),
        INTEGER,
    ),
    "FullyConnectedCompressed": WEIGHT_ONLY,
    **dict.fromkeys(("FakeQuantize", "Convert"), CONVERT),
    "Reorder": LAYOUT,
    # PyTorch's, as its profiler names them.
    **dict.fromkeys(
        (
            *("aten::linear", "aten::addmm", "aten::mm", "aten::bmm", "aten::matmul"),
            *("aten::conv1d", "aten::conv2d", "aten::conv3d", "aten::convolution"),
        ),
        FLOAT,
    ),
    **dict.fromkeys(
        ("onednn::qlinear_pointwise", "onednn::qconv_pointwise", "aten::_int_mm"), INTEGER
    ),
    **dict.fromkeys(
        (
            *("quantized_decomposed::quantize_per_tensor", "torchao::quantize_affine"),
            *("quantized_decomposed::dequantize_per_tensor", "torchao::dequantize_affine"),
            "quantized_decomposed::dequantize_per_channel",
        ),
        CONVERT,
    ),
    **dict.fromkeys(("aten::flatten", "aten::reshape", "aten::view", "aten::transpose"), LAYOUT),
    "aten::to": CAST,
}


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """One node of the executed graph.

    Attributes:
        op_type: as executed, such as `QLinearConv`.
        calls: how often it was timed.
        time_ns: per call of the artifact: the mean of the middle half of its calls, which spikes
            leave alone and which sees more than the profiler's own resolution.
        median_ns: of single calls, as the profiler rounds them.
        inputs: types and shapes, such as ``u8[1,64] s8[64,512]``.
        outputs: the same of what it makes.
    """

    name: str
    op_type: str
    provider: str
    calls: int
    time_ns: float
    median_ns: float
    inputs: str = ""
    outputs: str = ""

    @property
    def role(self) -> str:
        """What it does for the model: `CONVERT`, `CAST`, ..."""
        return _ROLE_OF.get(self.op_type, OTHER)


@dataclass(frozen=True, slots=True)
class ListedOperator:
    """One operator that is executed, in a runtime that tells no time of it.

    Attributes:
        op_type: by the runtime's own name, such as ``CONV_2D``.
        placed: whose kernel executes it: a delegate, or the runtime's own kernels.
        inputs: types and shapes, such as ``s8[1,8,8,32] s8[64,3,3,32]``.
        outputs: the same of what it makes.
    """

    name: str
    op_type: str
    placed: str
    inputs: str = ""
    outputs: str = ""

    @property
    def role(self) -> str:
        """What it does for the model: `CONVERT`, `CAST`, ..."""
        return _ROLE_OF.get(self.op_type, OTHER)


@dataclass(frozen=True, slots=True)
class OperatorProfile:
    """One artifact under the profiler.

    Attributes:
        operators: its nodes, the slowest first.
        calls: profiled calls of the artifact.
        call_ns: median of a profiled call, as the caller saw it.
        resolution_ns: of the profiler's times.
        why_not: one sentence when nothing could be profiled.
        listed: what is executed, in its order, where no times are told.
        pieces: in how many pieces a delegate took its part of those.
    """

    operators: tuple[OperatorTime, ...] = ()
    calls: int = 0
    call_ns: float = 0.0
    resolution_ns: int = 0
    why_not: str = ""
    listed: tuple[ListedOperator, ...] = ()
    pieces: int = 0

    @property
    def total_ns(self) -> float:
        """Time in all operators per call."""
        return sum(one.time_ns for one in self.operators)

    def share(self, role: str) -> float:
        """Share of the operators' time spent in one role."""
        total = self.total_ns
        return sum(one.time_ns for one in self.operators if one.role == role) / (total or 1.0)


def by_type(operators: Iterable[OperatorTime]) -> dict[str, float]:
    """Nanoseconds per call by operator type, the slowest first."""
    found: defaultdict[str, float] = defaultdict(float)
    for one in operators:
        found[one.op_type] += one.time_ns
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
