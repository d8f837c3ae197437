"""tflite: a model of LiteRT, once TensorFlow Lite; a flatbuffer after its published schema.

Only the tables that say what the model is are looked at; weights are not. LiteRT verifies them
again before it runs one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bitgauge.benchmarks.common.tflite.tables import FileTensor, damaged
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.recipes import parse

from ...base import ModelFacts, OutputSpec
from ...classes import classify
from .graph import PRODUCTS, LiteGraph

NAME = "tflite"
RANK = 10

MAX_FILE_BYTES = (1 << 31) - 1  # what the offsets of a flatbuffer reach

_SIGNATURE = b"TFL3"
_FAMILIES = {
    "FLOAT32": FormatFamily.FP32,
    "FLOAT16": FormatFamily.FP16,
    "BFLOAT16": FormatFamily.BF16,
    "INT8": FormatFamily.INT8,
    "UINT8": FormatFamily.INT8,
    "INT4": FormatFamily.INT4,
}


def recognises(head: bytes) -> bool:
    """Whether it carries the schema's identifier, at byte 4."""
    return head[4:8] == _SIGNATURE


def facts(path: Path, label: str) -> ModelFacts:
    """What the file at `path` is; see `base.Format`."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadInput(Code.BAD_MODEL, f"{label} is larger than 2 GiB, which no flatbuffer can be.")
    data = path.read_bytes()
    try:
        return _facts(LiteGraph.of(data, label), len(data))
    except BitgaugeError:
        raise
    except Exception as error:  # tables that point beyond one another: IndexError, and more
        raise damaged(label) from error


def _facts(graph: LiteGraph, size_bytes: int) -> ModelFacts:
    kinds = Counter(one.kind for one in graph.operators)
    translated: Counter[str] = Counter()
    for kind, count in kinds.items():
        translated[PRODUCTS.get(kind, kind.capitalize())] += count
    family = _family(graph.weights)
    integers = any(one.quantized for one in graph.tensors)
    plain = not integers and {one.kind for one in graph.weights} <= {"FLOAT32"}
    return ModelFacts(
        inputs=tuple(
            InputSpec(name, graph.tensors[at].dtype, graph.tensors[at].open_shape)
            for name, at in graph.inputs.items()
        ),
        outputs=tuple(
            OutputSpec(name, graph.tensors[at].dtype, graph.tensors[at].open_shape)
            for name, at in graph.outputs.items()
        ),
        operator_counts=dict(sorted(kinds.items())),
        model_class=classify(translated, graph.activation_products),
        recipe=parse(FormatFamily.FP32.value) if plain else None,
        parameter_count=_parameters(graph.tensors),
        size_bytes=size_bytes,
        family=family,
    )


def _family(weights: Sequence[FileTensor]) -> FormatFamily | None:
    """The family of most of the multiplied weights; None when none has more than half of them."""
    sizes: Counter[FormatFamily | None] = Counter()
    for one in weights:
        sizes[_FAMILIES.get(one.kind)] += one.elements
    if not sizes:
        return None
    family, size = sizes.most_common(1)[0]
    return family if 2 * size > sizes.total() else None


def _parameters(tensors: Sequence[FileTensor]) -> int:
    """Elements of the constants that hold numbers, as stored; see `ModelFacts`."""
    held = [one for one in tensors if one.constant and one.shape]
    return sum(one.elements for one in held if one.kind in _FAMILIES)
