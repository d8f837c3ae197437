"""The recipe and family of a folder, by the types of its tensors and what it says of them.

Which quantizer chose the numbers leaves no trace in them, so that a quantized folder has a family
and no recipe: that is for who built it to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, parse

from .config import Config
from .header import TensorHeader

_FAMILIES = {
    **{"F32": FormatFamily.FP32, "F16": FormatFamily.FP16, "BF16": FormatFamily.BF16},
    **{"F8_E4M3": FormatFamily.FP8, "F8_E5M2": FormatFamily.FP8, "I8": FormatFamily.INT8},
}
_EMBEDDINGS = ("embed", "wte", "wpe")


def recipe_and_family(
    config: Config, tensors: Mapping[str, TensorHeader]
) -> tuple[Recipe | None, FormatFamily | None]:
    """Recipe, of a folder of one float type throughout, and family of most of its weights."""
    if config.quantization:
        return None, _told(config.quantization) or _most(tensors)
    held = {one.dtype for one in tensors.values() if len(one.shape) > 1} or {"F32"}
    family = _FAMILIES.get(held.pop()) if len(held) == 1 else None
    if family in (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16):
        return parse(family.value), family
    return None, _most(tensors)


def operators_of(tensors: Mapping[str, TensorHeader]) -> dict[str, int]:
    """What there is to multiply: a matrix that is no embedding belongs to one product."""
    count = sum(
        len(one.shape) == 2 and not any(word in name for word in _EMBEDDINGS)
        for name, one in tensors.items()
        if name.endswith(("weight", "weight_packed", "qweight"))
    )
    return {"MatMul": count} if count else {}


def _told(quantization: Mapping[str, Any]) -> FormatFamily | None:
    """What a configuration says of the width of its weights; None where it says nothing clear."""
    groups = quantization.get("config_groups")
    if isinstance(groups, dict):  # compressed-tensors, as llm-compressor writes it
        given = [one.get("weights") for one in groups.values() if isinstance(one, dict)]
        found = {_of_width(one.get("type"), one.get("num_bits")) for one in given if one}
    else:  # GPTQ, AWQ
        found = {_of_width("int", quantization.get("bits"))}
    return found.pop() if len(found) == 1 else None


def _of_width(kind: object, bits: object) -> FormatFamily | None:
    word = {"int": "int", "float": "fp"}.get(str(kind), "")
    known = {one.value: one for one in FormatFamily}
    return known.get(f"{word}{bits}")


def _most(tensors: Mapping[str, TensorHeader]) -> FormatFamily | None:
    """The family of most of the numbers that are kept in matrices; None when none has most."""
    sizes: Counter[FormatFamily | None] = Counter()
    for one in tensors.values():
        if len(one.shape) > 1:
            sizes[_FAMILIES.get(one.dtype)] += one.elements
    if not sizes:
        return None
    family, size = sizes.most_common(1)[0]
    return family if 2 * size > sizes.total() else None
