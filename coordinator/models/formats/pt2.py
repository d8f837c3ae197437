"""pt2: a program of `torch.export`; a zip of its graph as JSON and its tensors as they are.

Neither the library nor a pickle is needed to say what it is: see `benchmarks.common.exported`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bitgauge.benchmarks.common.exported import archive, program
from bitgauge.benchmarks.common.exported.program import OperatorCall, Program, TensorMeta
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, parse

from ..base import ModelFacts, OutputSpec
from ..classes import classify

NAME = "pt2"
RANK = 10

_FAMILIES = {
    "float32": FormatFamily.FP32,
    "float16": FormatFamily.FP16,
    "bfloat16": FormatFamily.BF16,
    "float8_e4m3fn": FormatFamily.FP8,
    "float8_e5m2": FormatFamily.FP8,
    "int8": FormatFamily.INT8,
    "uint8": FormatFamily.INT8,
}
_PRODUCTS = {
    "conv1d": "Conv",
    "conv2d": "Conv",
    "conv3d": "Conv",
    "convolution": "Conv",
    "conv_transpose1d": "ConvTranspose",
    "conv_transpose2d": "ConvTranspose",
    "linear": "Gemm",
    "addmm": "Gemm",
    "matmul": "MatMul",
    "mm": "MatMul",
    "bmm": "MatMul",
    "baddbmm": "MatMul",
    "_int_mm": "MatMulInteger",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn_tanh": "RNN",
    "rnn_relu": "RNN",
    "softmax": "Softmax",
    "_softmax": "Softmax",
    "scaled_dot_product_attention": "Attention",
}
"""What decides about a class, and what ONNX calls it: classes are told by ONNX's names."""
_WITHOUT_WEIGHTS = ("Softmax", "Attention")
_QUANTIZED = ("quantized_decomposed.", "quantized.", "torchao.", "onednn.")
_NAMED = ("fp32", "fp16", "bf16")


def recognises(head: bytes) -> bool:
    """Whether its first record is one of such a program."""
    return archive.recognises(head)


def facts(path: Path, label: str) -> ModelFacts:
    """What the file at `path` is; see `base.Format`."""
    found = program.read(path, label)
    kinds = Counter(one.kind for one in found.operators)
    translated: Counter[str] = Counter()
    for kind, count in kinds.items():
        translated[_PRODUCTS.get(_short(kind), kind)] += count
    weights, computed = _products(found)
    family = _family(weights)
    return ModelFacts(
        inputs=tuple(
            InputSpec(name, _fed(one.dtype), one.shape) for name, one in found.inputs.items()
        ),
        outputs=tuple(
            OutputSpec(name, one.dtype, one.shape) for name, one in found.outputs.items()
        ),
        operator_counts=dict(sorted(kinds.items())),
        model_class=classify(translated, computed),
        recipe=_recipe(found, weights, kinds),
        parameter_count=_parameters(found),
        size_bytes=path.stat().st_size,
        family=family,
        float64=any(one.dtype == "float64" for one in weights.values()),
    )


def _short(kind: str) -> str:
    """``aten.linear.default`` as ``linear``."""
    parts = kind.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "aten" else kind


def _fed(dtype: str) -> str:
    """As a caller gives it: numpy has no bfloat16, so that float32 is converted on the device."""
    return "float32" if dtype == "bfloat16" else dtype


def product_of(one: OperatorCall) -> str | None:
    """What ONNX calls an operator that multiplies; None for another one."""
    name = _PRODUCTS.get(_short(one.kind))
    return None if name in _WITHOUT_WEIGHTS else name


def _products(found: Program) -> tuple[dict[str, TensorMeta], int]:
    """The weights that products read, each once, and how many products have none."""
    makers = {name: one for one in found.operators for name in one.outputs}
    weights: dict[str, TensorMeta] = {}
    computed = 0
    for one in found.operators:
        if product_of(one) is None:
            continue
        sides = [name for _, names in one.inputs for name in names]
        held = [weight for side in sides if (weight := weight_behind(found, makers, side))]
        weights |= {name: found.tensors[name] for name in held}
        computed += not held
    return weights, computed


def weight_behind(found: Program, makers: Mapping[str, OperatorCall], name: str) -> str | None:
    """The largest tensor of the file, of two axes and more, that alone makes this one.

    None where an input of the program has a part in it, or where it is a bias.
    """
    seen: set[str] = set()
    pending, held = [name], []
    while pending:
        at = pending.pop()
        if at in found.inputs:
            return None
        if at in seen:
            continue
        seen.add(at)
        if at in found.held:
            held.append(at)
        elif at in makers:
            pending += [one for _, names in makers[at].inputs for one in names]
    matrices = [one for one in held if one in found.tensors and len(found.tensors[one].sizes) > 1]
    return max(matrices, key=lambda one: found.tensors[one].elements, default=None)


def _recipe(
    found: Program, weights: Mapping[str, TensorMeta], kinds: Mapping[str, int]
) -> Recipe | None:
    """Of one float type throughout; what is quantized is told by who made it."""
    if any(kind.startswith(_QUANTIZED) for kind in kinds) or any(
        not one.is_sample for one in found.pickled
    ):
        return None
    dtypes = {one.dtype for one in weights.values()} or {"float32"}
    family = _FAMILIES.get(dtypes.pop()) if len(dtypes) == 1 else None
    return parse(family.value) if family is not None and family.value in _NAMED else None


def _family(weights: Mapping[str, TensorMeta]) -> FormatFamily | None:
    """The family of most of the multiplied weights; None when none has more than half of them."""
    sizes: Counter[FormatFamily | None] = Counter()
    for one in weights.values():
        sizes[_FAMILIES.get(one.dtype)] += one.elements
    if not sizes:
        return None
    family, size = sizes.most_common(1)[0]
    return family if 2 * size > sizes.total() else None


def _parameters(found: Program) -> int:
    """Elements of the tensors that hold numbers, as stored; see `ModelFacts`."""
    outer = {
        name for one in found.operators if _is_access(one) for _, ns in one.inputs for name in ns
    }
    held = [found.tensors[one] for one in found.held - outer if one in found.tensors]
    return sum(
        math.prod(size or 0 for size in one.shape)
        for one in held
        if one.dtype in _FAMILIES and one.sizes
    )


def _is_access(one: OperatorCall) -> bool:
    return one.kind.startswith("export.access_subclass_inner_tensor")
