"""How much of an exported program is quantized: its products, each by how it computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bitgauge.benchmarks.common.exported.program import OperatorCall, Program, TensorMeta
from bitgauge.benchmarks.vocabulary.recipes import Scheme

from ....models.formats import pt2
from .._share import MatrixProduct, Share

_DEQUANTIZES = ("quantized_decomposed.dequantize", "torchao.dequantize")
_QUANTIZES = ("quantized_decomposed.quantize", "torchao.quantize")
_PASSES_ON = ("to", "_to_copy", "reshape", "view", "flatten", "contiguous", "clone", "clamp")
"""Operators that make other sizes or types of the same numbers."""

Makers = Mapping[str, OperatorCall]


def share(program: Program, scheme: Scheme | None) -> Share:
    """The products of a built program.

    Args:
        program: its graph.
        scheme: of the recipe: with one that computes in integers, a product of floats is not what
            was asked for, whatever its weights are.
    """
    makers = {name: one for one in program.operators for name in one.outputs}
    return Share(tuple(_products(program, makers, scheme)))


def _products(program: Program, makers: Makers, scheme: Scheme | None) -> Iterator[MatrixProduct]:
    for one in program.operators:
        if (name := pt2.product_of(one)) is None or not one.outputs:
            continue
        sides = [side for _, sides in one.inputs for side in sides]
        held = [found for side in sides if (found := pt2.weight_behind(program, makers, side))]
        weights = [program.tensors[at] for at in held]
        weight = max(weights, key=lambda tensor: tensor.elements, default=None)
        given = [side for side in sides if pt2.weight_behind(program, makers, side) is None]
        fixed = "_int_mm" in one.kind or (bool(given) and _is_integer(makers, given[0]))
        yield MatrixProduct(name, _work(program, one, weight), _skipped(weight, scheme, fixed))


def _is_integer(makers: Makers, name: str) -> bool:
    """Whether what a product reads has been through codes of integers on its way."""
    for _ in range(len(makers)):
        maker = makers.get(name)
        if maker is None:
            return False
        if maker.kind.startswith((*_DEQUANTIZES, *_QUANTIZES)):
            return True
        words = maker.kind.split(".")
        sides = [side for _, sides in maker.inputs for side in sides]
        if len(words) < 2 or words[1] not in _PASSES_ON or not sides:
            return False
        name = sides[0]
    return False


def _skipped(weight: TensorMeta | None, scheme: Scheme | None, fixed: bool) -> str:
    """Why a product is not quantized as the recipe says; "" where it is."""
    if weight is None:
        return "no constant weight"
    if weight.dtype in ("float32", "float64"):
        return "left by the quantizer"
    if scheme in (Scheme.STATIC, Scheme.DYNAMIC) and not fixed:
        return "its input stays in float"
    return ""


def _work(program: Program, product: OperatorCall, weight: TensorMeta | None) -> int | None:
    """Multiplications of the smallest call; None where that is not told."""
    made = program.tensors.get(product.outputs[0])
    if made is None or not made.sizes:
        return None
    count = 1
    for low, _ in made.sizes:
        count *= max(low, 1)
    if weight is None:
        first = next((side for _, sides in product.inputs for side in sides), "")
        read = program.tensors.get(first)
        depth = read.sizes[-1][0] if read is not None and read.sizes else 0
        return count * depth if depth else None
    convolves = "conv" in product.kind and len(made.sizes) > 2
    channels = made.sizes[1 if convolves else -1][0]
    if not channels or weight.elements % channels:
        return None
    return count * (weight.elements // channels)
