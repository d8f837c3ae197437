"""The look at a built GGUF file before a device sees it; see `_checks.onnx` beside it.

From the headers of both files: llama.cpp itself has made the values, and what they are worth is
measured on texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from bitgauge.benchmarks.common.gguf.decoder import decoder_of
from bitgauge.benchmarks.common.gguf.header import GgufHeader, GgufTensor, read_header
from bitgauge.benchmarks.common.gguf.types import FLOATS, TYPES
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput

from ...models.formats.gguf.recipe import FAMILIES, multiplied, recipe_and_family, type_of
from ...models.recognise import inspect_model
from ..base import BuildRequest
from ._share import MatrixProduct, Share
from ._verdict import Verdict, broken, percent

VERSION = 1
"""Raised when the same artifact would be judged otherwise; part of a build's key."""
LARGEST_KEPT = 0.9
"""Share of the model's bytes that a file of integers may still take."""
MOST_NAMED = 12
"""Tensors that are named in one note."""

_FLOATS = (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16)


def check(request: BuildRequest) -> Verdict:
    """Look at what was built for `request`.

    Raises:
        Unsupported: it cannot be used; the reason is one sentence.
    """
    try:
        made = read_header(request.output, "what was built")
        decoder_of(made)
    except BadInput as error:
        raise broken(error.sentence.rstrip(".")) from error
    if request.recipe.family is FormatFamily.FP32:
        _require_converted(request, made)
        return Verdict(None)
    source = read_header(request.baseline, "the model")
    _require_same(source, made)
    if request.recipe.family in _FLOATS:
        _require_float(request, made)
        return Verdict(None)
    share = _require_quantized(request, source, made)
    return Verdict(share, None, tuple(_notes(request, made)))


def _require_same(source: GgufHeader, made: GgufHeader) -> None:
    """The same tensors of the same shapes, and the same tokens."""
    wanted = {one.name: one.shape for one in source.tensors}
    there = {one.name: one.shape for one in made.tensors}
    for name in sorted({*wanted, *there}):
        if wanted.get(name) != there.get(name):
            raise broken(f"tensor {name} is not that of the model")
    if source.metadata.tokens != made.metadata.tokens:
        raise broken("its tokenizer is not that of the model")


def _require_converted(request: BuildRequest, made: GgufHeader) -> None:
    """The tokens of the folder that it was made of, and every weight in float32."""
    source = inspect_model(request.baseline, "the model").decoder
    there = decoder_of(made)
    if source is None or source.vocabulary != there.vocabulary:
        known = "none" if source is None else source.vocabulary
        raise broken(f"it knows {there.vocabulary} tokens, the model {known}")
    if source.tokenizer_sha256 not in ("", there.tokenizer_sha256):
        raise broken("its tokens have other texts than those of the model")
    _require_float(request, made)


def _require_float(request: BuildRequest, made: GgufHeader) -> None:
    _, family = recipe_and_family(made)
    if family is not request.recipe.family:
        raise broken(f"most of its weights are {family.value if family else 'of no one type'}")


def _require_quantized(request: BuildRequest, source: GgufHeader, made: GgufHeader) -> Share:
    """Refuse a file in which nothing, or hardly anything, became smaller."""
    share = Share(tuple(_product(one) for one in multiplied(made)))
    quantized, total = share.operators
    if total and not quantized:
        raise broken("nothing was quantized")
    size = made.size_bytes / source.size_bytes
    if size > LARGEST_KEPT:
        raise broken(f"it keeps {percent(size)} of the model's size")
    weights = multiplied(made)
    elements, odd = sum(one.elements for one in weights), _odd(request, made)
    if 2 * sum(one.elements for one in odd) > elements:
        raise broken(
            f"rows of most of its weights are no multiple of {_block(request)}, which"
            f" {request.recipe} needs, so that llama.cpp took another type for them"
        )
    return share


def _product(one: GgufTensor) -> MatrixProduct:
    kept = "kept in float" if one.type.name in FLOATS else ""
    return MatrixProduct("MatMul", one.elements, kept, one.name)


def _block(request: BuildRequest) -> int:
    """Elements that a recipe stores together."""
    wanted = type_of(request.recipe.own or "")
    return next((one.block for one in TYPES.values() if one.name == wanted), 1)


def _odd(request: BuildRequest, made: GgufHeader) -> list[GgufTensor]:
    """Weights whose rows are no whole number of what the recipe stores together."""
    block = _block(request)
    return [one for one in multiplied(made) if one.shape[0] % block]


def _others(made: GgufHeader, family: FormatFamily) -> dict[str, list[str]]:
    """Names of multiplied weights that are not of a family, by type."""
    found = defaultdict(list)
    for one in multiplied(made):
        if FAMILIES.get(one.type.name) is not family:
            found[one.type.name].append(one.name)
    return dict(sorted(found.items()))


def _notes(request: BuildRequest, made: GgufHeader) -> Iterator[str]:
    """What of the mixture a reader of its name would not expect."""
    others = _others(made, request.recipe.family)
    for kind, names in others.items():
        what = "kept in float" if kind in FLOATS else "by llama.cpp's own mixture"
        yield f"{kind} {what}: {_listed(names)}"
    odd = [one.name for one in _odd(request, made)]
    if odd:
        yield (
            f"rows are no multiple of {_block(request)}, so that another type had to be taken:"
            f" {_listed(odd)}"
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
