"""Whether the runtime's graph optimisations change what an artifact computes, and which one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._agreement import NEAR, Tensors, gap
from . import execution
from .graph import disturbed

LEVELS = ("ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED")
"""In the order in which they are applied; above them is everything."""
OPTIMISERS = (
    *("ReluQuantRewrite", "ReluQuantFusion", "ClipQuantRewrite", "ClipQuantFusion"),
    *("QDQSelectorActionTransformer", "QDQPropagationTransformer", "DoubleQDQPairsRemover"),
    *("QDQFinalCleanupTransformer", "EnsureUniqueDQForNodeUnit", "WeightBiasQuantization"),
    *("ConstantFolding", "ConstantSharing", "CommonSubexpressionElimination"),
    *("TransposeOptimizer", "NchwcTransformer", "NhwcTransformer"),
    *("ConvAddFusion", "ConvMulFusion", "ConvBNFusion", "ConvActivationFusion"),
    *("ConvAddActivationFusion", "GemmActivationFusion", "MatMulAddFusion", "GemmSumFusion"),
    *("MatMulIntegerToFloatFusion", "DynamicQuantizeMatMulFusion", "MatMulScaleFusion"),
    *("MatMulNBitsFusion", "GeluFusionL1", "GeluFusionL2", "LayerNormFusion"),
    *("SkipLayerNormFusion", "AttentionFusion", "EmbedLayerNormFusion", "BiasGeluFusion"),
    *("BiasSoftmaxFusion", "FastGeluFusion", "QuickGeluFusion", "CastElimination"),
    *("InsertCastTransformer", "RemoveDuplicateCastTransformer", "CastChainElimination"),
)
"""The passes of onnxruntime that can be left out by their names and touch values."""
BEYOND = 4.0
"""How many times what a step on every weight moves; rounding in integer kernels stays below 1."""


def changes(model: Any, feeds: Tensors, without: Tensors, optimised: Tensors) -> float | None:
    """By how much the optimisations change the outputs, beyond rounding; None when they do not.

    Args:
        model: the artifact, decoded.
        feeds: inputs of one call.
        without: outputs without optimisations.
        optimised: outputs with all of them.
    """
    difference = gap(optimised, without)
    if difference <= 2 * NEAR:
        return None
    names = list(without)
    moved = 0.0
    for generator in (np.random.default_rng(2), None):
        session = execution.opened(
            disturbed(model, generator).SerializeToString(), as_it_stands=True
        )
        moved = max(moved, gap(execution.run(session, feeds, names), without))
    return difference if difference > BEYOND * moved else None


def culprit(file: Path | bytes, feeds: Tensors, without: Tensors) -> str:
    """The pass that changes the outputs, else the level of optimisation that does."""

    def still(**options: Any) -> bool:
        try:
            session = execution.opened(file, **options)
            return gap(execution.run(session, feeds, list(without)), without) > 2 * NEAR
        except Exception:  # a session that cannot be had without a pass tells nothing
            return True

    passes = [one for one in OPTIMISERS if not still(without=(one,))]
    if passes:
        return f"the pass {passes[0]}"
    return _level(still)


def _level(still: Callable[..., bool]) -> str:
    words: Mapping[str, str] = dict(zip(LEVELS, ("basic", "extended"), strict=True))
    found = next((words[level] for level in LEVELS if still(level=level)), "layout")
    return f"the {found} level"
