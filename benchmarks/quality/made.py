"""Inputs for a model of which nobody has any: made from its signature.

They time a model and measure its memory; what it predicts on them says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..vocabulary.errors import BadInput, Code
from .sets import EvaluationSet, InputSpec

SAMPLES = 64
SOURCE = "signature"
_SEED = 20_261_130
_MASK = "mask"


def made_inputs(specs: Sequence[InputSpec], dims: Mapping[str, int]) -> EvaluationSet:
    """Samples of the type and shape that a model takes; the same ones for the same model.

    Floats are normal around 0. Whole numbers are 0 and 1, which every table of embeddings has, and
    1 throughout where the name of the input says that it is a mask.

    Args:
        specs: the inputs.
        dims: sizes of named axes.

    Raises:
        BadInput: BAD_EVALUATION_SET, an axis has any size and nobody named one.
    """
    rng = np.random.default_rng(_SEED)
    inputs = {spec.name: _array(spec, _shape(spec, dims), rng) for spec in specs}
    ids = np.array([f"made-{at}" for at in range(SAMPLES)])
    return EvaluationSet(inputs, None, ids, preprocessing={"source": SOURCE})


def is_made(evaluation: EvaluationSet) -> bool:
    """Whether the samples of a set were made from a signature."""
    return (evaluation.preprocessing or {}).get("source") == SOURCE


def _shape(spec: InputSpec, dims: Mapping[str, int]) -> tuple[int, ...]:
    sizes = []
    for at, size in enumerate(spec.shape[1:], start=1):
        name = spec.axes[at] if at < len(spec.axes) else ""
        found = dims.get(name) if size is None else size
        if found is None:
            how = f"--dim {name}=N" if name else "an evaluation set (--eval)"
            raise BadInput(
                Code.BAD_EVALUATION_SET,
                f"Without an evaluation set inputs are made from the model's signature, and axis"
                f" {at} of its input {spec.name!r} has any size: give {how}.",
            )
        sizes.append(found)
    return (SAMPLES, *sizes)


def _array(
    spec: InputSpec, shape: tuple[int, ...], rng: np.random.Generator
) -> npt.NDArray[np.generic]:
    kind = np.dtype(spec.dtype)
    if kind.kind == "f":
        return rng.standard_normal(shape, np.float32).astype(kind)
    if _MASK in spec.name.lower():
        return np.ones(shape, kind)
    return rng.integers(0, 2, shape).astype(kind)
