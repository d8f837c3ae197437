"""NVIDIA's cards through CUDA, as `onnxruntime-gpu` brings it: never run on a card.

It has no kernels for products of codes: it computes with the numbers that they stand for, in
float32. So the passes that prepare a graph for integer kernels are left out, which would put parts
of it on the processor (onnxruntime 1.31: biases become integers, and their DequantizeLinear goes
there); what a row of codes shows here is the time of floats, and its session says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.numerics import fp8
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

from . import cards
from .base import Binding
from .placing import FALLBACK, PROCESSOR

NAME = "cuda"
EXECUTES = "CUDAExecutionProvider"
DISTRIBUTION = cards.DISTRIBUTION
MISSING = cards.MISSING
HINT = cards.HINT
USUAL = True
FIXES_BATCH = False
FALLS_BACK = True
LEAVES_OUT = fp8.LEFT_OUT


def concerns(stack: Mapping[str, str]) -> bool:
    """Cards of NVIDIA."""
    return cards.concerns(stack)


def is_here(environment: Mapping[str, str]) -> bool:
    """In a child of a card."""
    return cards.is_here(environment)


def lacks() -> str:
    """CUDA is looked for by the session, which says what it did not find."""
    return ""


def options() -> tuple[RuntimeOption, ...]:
    """What every provider of such a card has, and that some may run on the processor."""
    words = "what it does not take runs on the processor, as its row says"
    return (*cards.OPTIONS, RuntimeOption(FALLBACK, (PROCESSOR,), words))


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
    """Has sessions placed on the card; nothing is built that could be kept.

    Raises:
        BitgaugeError: `provider_failed`, `driver_missing`, or what else CUDA says.
    """
    cards.make_ready(options)
    wanted.add_session_config_entry(*fp8.UNFUSED)
    settings = settings_of(options) | {"has_user_compute_stream": "1"} | cards.on_stream()
    try:
        wanted.add_provider(EXECUTES, settings)
    except Exception as error:  # the binding raises a dozen types that share no base
        raise cards.failed(NAME, error) from error


def settings_of(options: Mapping[str, str]) -> dict[str, str]:
    """The provider's own options, none left to its default that changes a number."""
    asked = cards.binding(options)
    return {
        "device_id": "0",
        "use_tf32": cards.ON if options.get(cards.TF32) == cards.ON else "0",
        "enable_cuda_graph": str(int(asked.graph)),
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "do_copy_in_default_stream": "1",
        "arena_extend_strategy": "kNextPowerOfTwo",
        "prefer_nhwc": "0",
    }


def require_fitting(model: Any, options: Mapping[str, str], stack: Mapping[str, str]) -> None:
    """Nothing: what it takes it computes as the model says."""


def error_of(error: Exception) -> BitgaugeError | None:
    """What of CUDA it tells."""
    return cards.error_of(error)


def why_not(stack: Mapping[str, str]) -> str:
    """Nothing that a card's stack would tell."""
    return ""
