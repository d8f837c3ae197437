"""Recipe and family of a GGUF file, by the types of its tensors.

llama.cpp's formats are mixtures, named after the type that most tensors have. `general.file_type`
says what the quantizer was asked for; it decides only between mixtures of one such type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bitgauge.benchmarks.common.gguf.decoder import embedding_of
from bitgauge.benchmarks.common.gguf.header import GgufHeader, GgufTensor
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, parse

FAMILIES = {
    "f32": FormatFamily.FP32,
    "f16": FormatFamily.FP16,
    "bf16": FormatFamily.BF16,
    "q8_0": FormatFamily.INT8,
    "q6_k": FormatFamily.INT6,
    **dict.fromkeys(("q5_0", "q5_1", "q5_k"), FormatFamily.INT5),
    **dict.fromkeys(("q4_0", "q4_1", "q4_k", "iq4_nl", "iq4_xs"), FormatFamily.INT4),
    **dict.fromkeys(("q3_k", "iq3_s", "iq3_xxs"), FormatFamily.INT3),
    **dict.fromkeys(("q2_k", "iq2_s", "iq2_xs", "iq2_xxs"), FormatFamily.INT2),
}
"""By type of a tensor; a type that is none of integers, or of fewer bits, has no family."""

FILE_TYPES = {
    "fp32": 0,
    "fp16": 1,
    "bf16": 32,
    "q4_0": 2,
    "q8_0": 7,
    "q5_0": 8,
    "q2_k": 10,
    "q3_k_m": 12,
    "q4_k_s": 14,
    "q4_k_m": 15,
    "q5_k_m": 17,
    "q6_k": 18,
    "iq4_nl": 25,
}
"""llama.cpp's number (`enum llama_ftype`) of what is built here."""

_MIXTURES = {
    "q2_k": {10: "q2_k", 21: "q2_k_s"},
    "q3_k": {12: "q3_k_m", 11: "q3_k_s", 13: "q3_k_l"},
    "q4_k": {15: "q4_k_m", 14: "q4_k_s"},
    "q5_k": {17: "q5_k_m", 16: "q5_k_s"},
    "iq2_xs": {20: "iq2_xs"},
    "iq3_s": {26: "iq3_s", 27: "iq3_m"},
}
"""By the type that most weights have: names of mixtures by `general.file_type`, the usual first."""
_SIZES = "_s", "_m", "_l"
_FILE_TYPE = "general.file_type"
_IMPORTANCE = "quantize.imatrix."


def type_of(name: str) -> str:
    """The type that a mixture is named after: ``q4_k`` of ``q4_k_m``."""
    return name[:-2] if name.endswith(_SIZES) else name


def multiplied(header: GgufHeader) -> Sequence[GgufTensor]:
    """The weights that are multiplied: the table of tokens too where it is the output as well."""
    names = {one.name for one in header.tensors}
    table = embedding_of(header) if "output.weight" in names else None
    return [
        one
        for one in header.tensors
        if len(one.shape) > 1 and one.name.endswith(".weight") and one is not table
    ]


def recipe_and_family(header: GgufHeader) -> tuple[Recipe | None, FormatFamily | None]:
    """The recipe that a file is of, and the family of most of its multiplied weights."""
    weights = multiplied(header)
    total = sum(one.elements for one in weights)
    sizes, families = Counter[str](), Counter[FormatFamily | None]()
    for one in weights:
        sizes[one.type.name] += one.elements
        families[FAMILIES.get(one.type.name)] += one.elements
    if not total:
        return None, None
    (family, most) = families.most_common(1)[0]
    (kind, size) = sizes.most_common(1)[0]
    recipe = _recipe(kind, header, set(sizes)) if 2 * size > total else None
    return recipe, family if 2 * most > total else None


def _recipe(kind: str, header: GgufHeader, kinds: set[str]) -> Recipe | None:
    family = FAMILIES.get(kind)
    if family is None:
        return None
    if family in (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16):
        return parse(family.value)
    name = _mixture(kind, header.metadata.whole(_FILE_TYPE), kinds)
    calibrated = any(one.startswith(_IMPORTANCE) for one in header.metadata.values)
    return parse(f"{family.value}-{name}{'-cal' if calibrated else ''}")


def _mixture(kind: str, told: int | None, kinds: set[str]) -> str:
    named = _MIXTURES.get(kind)
    if named is None:
        return kind
    if told in named:
        return named[told]
    usual, *others = named.values()
    small = next((one for one in others if one.endswith(_SIZES[0])), usual)
    return usual if "q6_k" in kinds else small
