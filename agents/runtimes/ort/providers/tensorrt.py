"""NVIDIA's cards through TensorRT, as onnxruntime drives it: never run on a card.

It chooses types by itself as far as it is let: of a network of codes none but those that the graph
states (no calibration table, no half precision), of one of float16 nothing but half precision. The
engine is built on the card and written into the one file that the agent keeps and seals; its own
caches, which anybody could fill, stay off.
"""

from __future__ import annotations

import ctypes.util
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

from . import cards
from .base import Binding

NAME = "tensorrt"
EXECUTES = "TensorrtExecutionProvider"
DISTRIBUTION = cards.DISTRIBUTION
MISSING = cards.MISSING
HINT = "It needs libnvinfer.so.10, and: " + cards.HINT
USUAL = False
FIXES_BATCH = True
FALLS_BACK = False
LEAVES_OUT: tuple[str, ...] = ()
_LIBRARY, _PACKAGE = "nvinfer", "tensorrt_libs"
_YES, _NO = "True", "False"
_LEAST_AXES = 2


def concerns(stack: Mapping[str, str]) -> bool:
    """Cards of NVIDIA."""
    return cards.concerns(stack)


def is_here(environment: Mapping[str, str]) -> bool:
    """In a child of a card."""
    return cards.is_here(environment)


def lacks() -> str:
    """TensorRT, where neither a package nor the system has its library."""
    if ctypes.util.find_library(_LIBRARY) or find_spec(_PACKAGE) is not None:
        return ""
    return "TensorRT is not there, which ONNX Runtime's provider of that name drives."


def options() -> tuple[RuntimeOption, ...]:
    """What every provider of such a card has."""
    return cards.OPTIONS


def binding(options: Mapping[str, str]) -> Binding:
    """By memory of the card."""
    return cards.binding(options)


def add_to(
    wanted: Any,
    options: Mapping[str, str],
    stack: Mapping[str, str],
    model: Any,
    build_into: Path | None,
) -> None:
    """Has sessions placed with TensorRT, and the engine kept.

    Raises:
        BitgaugeError: `provider_failed`, `driver_missing`, or what else CUDA says.
    """
    cards.make_ready(options)
    settings = settings_of(options, codes=has_codes(model), halves=has_halves(model))
    settings |= cards.on_stream()
    if build_into is not None:
        settings |= kept(build_into)
    try:
        wanted.add_provider(EXECUTES, settings)
    except Exception as error:  # the binding raises a dozen types that share no base
        raise cards.failed(NAME, error) from error


def settings_of(options: Mapping[str, str], *, codes: bool, halves: bool) -> dict[str, str]:
    """The provider's own options, none left to its default that changes a number.

    Args:
        options: of the session, by name.
        codes: whether the graph quantizes; the types are those that it states.
        halves: whether the graph computes in float16.
    """
    graph = cards.binding(options).graph
    return {
        "device_id": "0",
        "trt_int8_enable": _YES if codes else _NO,
        "trt_int8_use_native_calibration_table": _NO,
        "trt_fp16_enable": _YES if halves else _NO,
        "trt_bf16_enable": _NO,
        "trt_engine_cache_enable": _NO,
        "trt_timing_cache_enable": _NO,
        "trt_dla_enable": _NO,
        "trt_sparsity_enable": _NO,
        "trt_cuda_graph_enable": _YES if graph else _NO,
    }


def kept(path: Path) -> dict[str, str]:
    """The options that have the engine written into one file, of one model around it."""
    return {
        "trt_dump_ep_context_model": _YES,
        "trt_ep_context_embed_mode": "1",
        "trt_ep_context_file_path": str(path),
    }


def has_codes(model: Any) -> bool:
    """Whether a graph states codes."""
    return any(one.op_type == "DequantizeLinear" for one in model.graph.node)


def has_halves(model: Any) -> bool:
    """Whether a graph stores weights in float16."""
    from onnx import TensorProto

    return any(one.data_type == TensorProto.FLOAT16 for one in model.graph.initializer)


def require_fitting(model: Any, options: Mapping[str, str], stack: Mapping[str, str]) -> None:
    """Refuses what TensorRT might compute in other types than the graph says.

    Raises:
        Refused: `unsupported_artifact`.
    """
    from onnx import TensorProto

    if any(one.data_type == TensorProto.BFLOAT16 for one in model.graph.initializer):
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"Provider {NAME} of ONNX Runtime has no way to compute in bfloat16 only where the"
            " graph says so; runtime tensorrt has.",
        )
    wide = [
        one.name
        for one in model.graph.initializer
        if one.data_type == TensorProto.FLOAT and len(one.dims) >= _LEAST_AXES
    ]
    if has_halves(model) and wide:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"Some weights are float32 (as {wide[0][:60]!r}) and others float16: provider {NAME} of"
            " ONNX Runtime would be free to compute both in half precision; runtime tensorrt is"
            " not.",
        )


def error_of(error: Exception) -> BitgaugeError | None:
    """What of CUDA it tells."""
    return cards.error_of(error)


def why_not(stack: Mapping[str, str]) -> str:
    """Nothing that a card's stack would tell."""
    return ""
