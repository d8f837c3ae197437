"""Look at a model file before anything is done with it: is it ONNX, what does it take, what is it.

Nothing is run. Whatever the bytes, the answer is facts or one sentence (`BitgaugeError`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec, check_inputs
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from .classes import classify
from .refused import refuse_by_content, refuse_by_suffix, refuse_embedded_engine

if TYPE_CHECKING:
    from .onnx_graph import Graph


MAX_FILE_BYTES = (1 << 31) - 1  # what protobuf can hold in one message


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output as a model declares it.

    Attributes:
        name: its name in the graph.
        dtype: numpy name of its element type.
        shape: its dimensions, None where unknown before a call.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model file is, read from its graph.

    Attributes:
        inputs: what a caller must feed, constants left out.
        outputs: what it returns.
        operator_counts: how often each operator type occurs, inner graphs included.
        model_class: recognised from the operators.
        recipe: recognised; None when the file mixes formats or its format has no name.
        parameter_count: elements of the constant tensors that hold numbers (floats and at most
            8-bit integers, scalars left out) as stored: two packed 4-bit weights count once.
        size_bytes: size of the file.
    """

    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    operator_counts: Mapping[str, int]
    model_class: ModelClass
    recipe: Recipe | None
    parameter_count: int
    size_bytes: int


def inspect_model(path: Path, label: str = "the model") -> ModelFacts:
    """Read and judge the model file at `path`, called `label` in every sentence.

    Raises:
        BadInput: FILE_UNREADABLE, REFUSED_FORMAT for pickles, archives and prebuilt engines, or
            BAD_MODEL for anything else that is not one complete ONNX model in one file.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise BadInput(Code.BAD_MODEL, f"{label} is larger than 2 GiB, which ONNX cannot hold.")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(
            Code.FILE_UNREADABLE, f"{label} cannot be read: {error.strerror or error}."
        ) from error
    return inspect_bytes(data, label)


def inspect_bytes(data: bytes, label: str = "the model") -> ModelFacts:
    """`inspect_model` on the content of a file.

    Raises:
        BadInput: as `inspect_model`.
    """
    if not data:
        raise BadInput(Code.BAD_MODEL, f"{label} is empty.")
    refuse_by_content(data, label)
    refuse_cut_short(data, label)
    try:
        return _facts(data, label)
    except BitgaugeError:
        raise
    except Exception as error:  # onnx and protobuf raise what they like on damaged files
        refuse_by_suffix(label)
        raise BadInput(
            Code.BAD_MODEL, f"{label} is not a valid ONNX model: {_first_line(error)}"
        ) from error


def _facts(data: bytes, label: str) -> ModelFacts:
    import onnx

    from .onnx_graph import Graph, sort_nodes
    from .recognise import recognise

    model = onnx.load_model_from_string(data)
    sort_nodes(model.graph)
    graph = Graph(model)
    _refuse_external_data(graph, label)
    if any(node.op_type == "EPContext" for node in graph.nodes):
        refuse_embedded_engine(label)
    onnx.checker.check_model(model)
    counts = Counter(str(node.op_type) for node in graph.nodes)
    fed = [value for value in model.graph.input if value.name not in graph.constants]
    return ModelFacts(
        inputs=tuple(_input(value) for value in fed),
        outputs=tuple(_output(value) for value in model.graph.output),
        operator_counts=dict(sorted(counts.items())),
        model_class=classify(counts, graph.activation_products()),
        recipe=recognise(graph),
        parameter_count=_parameter_count(graph),
        size_bytes=len(data),
    )


def _refuse_external_data(graph: Graph, label: str) -> None:
    import onnx

    outside = [
        tensor
        for tensor in graph.tensors
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data
    ]
    if outside:
        where = {entry.value for entry in outside[0].external_data if entry.key == "location"}
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} keeps {len(outside)} of its tensors in another file"
            f" ({(where or {'unnamed'}).pop()[:100]!r}); save it as one file.",
        )


def _input(value: Any) -> InputSpec:
    declared = _output(value)
    return InputSpec(declared.name, declared.dtype, declared.shape)


def _output(value: Any) -> OutputSpec:
    import onnx

    if value.type.WhichOneof("value") != "tensor_type":
        raise ValueError(f"{value.name[:80]!r} is not a tensor.")
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


def require_recipe(facts: ModelFacts, label: str) -> Recipe:
    """The recipe of a ready-made artifact that came without one.

    Raises:
        BadInput: BAD_RECIPE, the file mixes formats or uses one that has no name.
    """
    if facts.recipe is None:
        raise BadInput(
            Code.BAD_RECIPE, f"{label} mixes formats, or is in one that has no recipe name."
        )
    return facts.recipe


def check_evaluation(facts: ModelFacts, evaluation: EvaluationSet, batch: int, label: str) -> None:
    """Refuse an evaluation set or a batch that the model cannot take.

    `evaluation` has been read by `read_evaluation_set`, which checked that it is finite.

    Raises:
        BadInput: BAD_EVALUATION_SET naming `label`, or BAD_ARGUMENT for the batch.
    """
    try:
        check_inputs(evaluation, facts.inputs)
    except BadInput as error:
        raise BadInput(error.code, f"{label}: {error.sentence}") from error
    for spec in facts.inputs:
        if spec.shape[0] not in (None, batch):
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"The model's input {spec.name!r} takes batches of {spec.shape[0]} only,"
                f" the workload asks for {batch}.",
            )
    _check_labels(facts, evaluation, label)


def _check_labels(facts: ModelFacts, evaluation: EvaluationSet, label: str) -> None:
    shape = facts.outputs[0].shape if facts.outputs else ()
    classes = shape[1] if len(shape) == 2 else None
    if evaluation.labels is None or classes is None:
        return
    low, high = int(evaluation.labels.min()), int(evaluation.labels.max())
    if low < 0 or high >= classes:
        raise BadInput(
            Code.BAD_EVALUATION_SET,
            f"{label}: labels run from {low} to {high}, the model has {classes} classes.",
        )


def check_same_inputs(baseline: ModelFacts, artifact: ModelFacts, label: str) -> None:
    """Refuse an artifact that cannot stand in for its baseline.

    Raises:
        BadInput: BAD_MODEL naming `label` and the first input that differs.
    """
    wanted = {spec.name: spec for spec in baseline.inputs}
    given = {spec.name: spec for spec in artifact.inputs}
    if wanted.keys() != given.keys():
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} takes inputs {', '.join(sorted(given)) or 'none'},"
            f" its baseline takes {', '.join(sorted(wanted)) or 'none'}.",
        )
    for name, spec in given.items():
        other = wanted[name]
        if (spec.dtype, len(spec.shape)) != (other.dtype, len(other.shape)):
            raise BadInput(
                Code.BAD_MODEL,
                f"{label} takes {name!r} as {spec.dtype} with {len(spec.shape)} axes,"
                f" its baseline as {other.dtype} with {len(other.shape)}.",
            )


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
