"""ONNX: one complete model, in one file or with weights in further ones beside it.

Whatever the bytes, the answer is facts or one sentence (`BitgaugeError`).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bitgauge.benchmarks.numerics.onnx_operators import messages
from bitgauge.benchmarks.quality.outputs import SEQUENCE
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code

from ...base import ModelFacts, OutputSpec
from ...classes import classify
from ...refused import refuse_by_content, refuse_by_suffix, refuse_embedded_engine
from .external import check_files, named_files, names_files, without_files

if TYPE_CHECKING:
    from .graph import Graph

NAME = "onnx"
RANK = -1

MAX_FILE_BYTES = (1 << 31) - 1  # what protobuf can hold in one message


def recognises(head: bytes) -> bool:
    """Always: an ONNX file has no signature, so this format is asked last."""
    return True


def facts(path: Path, label: str) -> ModelFacts:
    """What the ONNX file at `path` is; see `base.Format`."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} is larger than 2 GiB, which no ONNX file can be; save it with external data.",
        )
    return facts_of(path.read_bytes(), label, path.parent)


def companions(path: Path, label: str) -> tuple[str, ...]:
    """The files that the ONNX file at `path` keeps weights in; see `base.Companions`."""
    if path.stat().st_size > MAX_FILE_BYTES or not names_files(path):
        return ()
    import onnx
    from bitgauge.benchmarks.numerics.external_data import tensors
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except DecodeError:  # no model: said by `facts`
        return ()
    return named_files(tensors(model), label)


def facts_of(data: bytes, label: str, folder: Path | None = None) -> ModelFacts:
    """`facts` on the content of a file, which keeps weights in files of `folder` alone.

    Raises:
        BadInput: REFUSED_FORMAT for pickles, archives and prebuilt engines, EXTERNAL_DATA for
            files that are not there, or BAD_MODEL for anything else that is not one complete
            ONNX model.
    """
    if not data:
        raise BadInput(Code.BAD_MODEL, f"{label} is empty.")
    refuse_by_content(data, label)
    refuse_cut_short(data, label)
    try:
        return _facts(data, label, folder)
    except BitgaugeError:
        raise
    except Exception as error:  # onnx and protobuf raise what they like on damaged files
        refuse_by_suffix(label)
        raise BadInput(
            Code.BAD_MODEL, f"{label} is not a valid ONNX model: {_first_line(error)}"
        ) from error


def _facts(data: bytes, label: str, folder: Path | None) -> ModelFacts:
    import onnx

    from .checked import checkable
    from .family import family_of
    from .graph import Graph, sort_nodes
    from .recipe import DOUBLE, recognise, widest_float
    from .tensors import require_sound

    model = onnx.load_model_from_string(data)
    sort_nodes(model.graph)
    graph = Graph(model, folder)
    require_sound(model, label)
    outside_bytes = check_files(graph.tensors, folder, label)
    if any(node.op_type == "EPContext" for node in messages(model, "NodeProto")):
        refuse_embedded_engine(label)
    checked = without_files(model) if graph.is_external else model
    onnx.checker.check_model(checkable(checked, graph.nodes))
    counts = Counter(str(node.op_type) for node in graph.nodes)
    return ModelFacts(
        inputs=inputs_of(model),
        outputs=tuple(_output(value) for value in model.graph.output),
        operator_counts=dict(sorted(counts.items())),
        model_class=classify(counts, graph.activation_products()),
        recipe=recognise(graph),
        parameter_count=_parameter_count(graph),
        size_bytes=len(data) + outside_bytes,
        family=family_of(graph),
        float64=widest_float(graph) == DOUBLE,
    )


def inputs_of(model: Any) -> tuple[InputSpec, ...]:
    """What a caller must feed: inputs that are not constants as well."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return tuple(_input(one) for one in model.graph.input if one.name not in constants)


def _input(value: Any) -> InputSpec:
    if value.type.WhichOneof("value") != "tensor_type":
        raise ValueError(f"{value.name[:80]!r} is not a tensor.")
    declared = _output(value)
    axes = tuple(str(dim.dim_param) for dim in value.type.tensor_type.shape.dim)
    return InputSpec(declared.name, declared.dtype, declared.shape, axes)


def _output(value: Any) -> OutputSpec:
    import onnx

    if value.type.WhichOneof("value") != "tensor_type":
        return OutputSpec(str(value.name), SEQUENCE, ())
    kind = value.type.tensor_type
    if kind.elem_type == onnx.TensorProto.STRING:
        dtype = "str"
    else:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name)
    shape = tuple(dim.dim_value if dim.dim_value > 0 else None for dim in kind.shape.dim)
    return OutputSpec(str(value.name), dtype, shape)


def _parameter_count(graph: Graph) -> int:
    import onnx

    left_out = {
        onnx.TensorProto.DataType.Value(name)
        for name in ("INT64", "UINT64", "INT32", "UINT32", "BOOL", "STRING")
    }
    return sum(
        int(np.prod(tensor.dims, dtype=np.float64))
        for tensor in graph.constants.values()
        if tensor.dims and tensor.data_type not in left_out
    )


def _first_line(error: Exception) -> str:
    from google.protobuf.message import DecodeError

    if isinstance(error, (DecodeError, UnicodeDecodeError)):
        return "its bytes do not decode as one."
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0][:240] if lines else type(error).__name__
    return text if text.endswith(".") else f"{text}."


# Numbers of the fields of ModelProto that come with a length and may be long (onnx.proto3):
# graph, opset_import, metadata_props, training_info, functions.
_LONG_FIELDS = (7, 8, 14, 20, 25)
_IR_VERSION_TAG = 0x08
_MOST_FIELDS = 10_000  # a damaged file may seem to have as many as it has bytes


def refuse_cut_short(data: bytes, label: str) -> None:
    """Refuse a file whose own length prefix of its graph points behind its end.

    An ONNX file is a protobuf message: fields of (tag, value), the graph one of them, each with
    its length in front (protobuf.dev/programming-guides/encoding). Serializers write the fields
    in the order of their numbers, so a model begins with its ir_version.

    Raises:
        BadInput: BAD_MODEL.
    """
    if data[0] != _IR_VERSION_TAG:
        return
    at = 0
    for _ in range(_MOST_FIELDS):
        if at >= len(data):
            return
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            _, at = _varint(data, at)
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            at += length
        else:
            return  # no field of an ONNX model; decoding will say what is wrong
        if at > len(data) and tag >> 3 in _LONG_FIELDS:
            raise BadInput(
                Code.BAD_MODEL,
                f"{label} is cut short: it has {len(data)} bytes and needs at least {at}.",
            )


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A base-128 number at `at`, and where it ends; 0 at the end of the data."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            return 0, len(data) + 1
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            break
    return value, at
