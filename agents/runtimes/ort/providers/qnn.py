"""Qualcomm's neural processor (HTP) through QNN, as `onnxruntime-qnn` plugs into onnxruntime.

What it does unasked is another measurement than the one that was asked for: float operators are
computed in half precision (whatever `enable_htp_fp16_precision` says), and the quantization of
inputs and outputs is left to the processor. The one is refused unless it is asked for, the other
set here. The library that computes is fixed, too: what only writes calls down (Saver)
answers with garbage. Of an x86-64 machine its one device is a simulator of the chip.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

from ....host.qualcomm import SIMULATOR, SOC, SOC_MODEL, Soc, soc_numbered
from .base import CONFIG_CONTEXT, CONTEXT_PATH, Binding
from .floats import float_operators
from .placing import words_of

NAME = "qnn"
EXECUTES = "QNNExecutionProvider"
DISTRIBUTION = "onnxruntime-qnn"
MISSING = "The neural processor of this device is reached through a package that is not there."
HINT = "pip install 'bitgauge[qnn]'"
USUAL = False
FIXES_BATCH = True
FALLS_BACK = False
LEAVES_OUT: tuple[str, ...] = ()

PRECISION = "provider.precision"
"""Option: the type in which float operators are computed; without it they are refused."""
HALF = "fp16"
PERFORMANCE = "provider.performance"
"""Option: the power mode that is asked of the chip; without it its own default."""
_MODES = (
    *("burst", "balanced", "high_performance", "sustained_high_performance"),
    *("high_power_saver", "low_balanced", "low_power_saver", "power_saver"),
)
_COMPUTES = "libQnnHtp.so"


def concerns(stack: Mapping[str, str]) -> bool:
    """Devices with a chip of Qualcomm."""
    return SOC in stack


def is_here(environment: Mapping[str, str]) -> bool:
    """Never: only the stack tells."""
    return False


def lacks() -> str:
    """Nothing."""
    return ""


def binding(options: Mapping[str, str]) -> Binding | None:
    """Memory is shared, or copied by the library."""
    return None


def options() -> tuple[RuntimeOption, ...]:
    """Half precision, and the power mode."""
    return (
        RuntimeOption(PRECISION, (HALF,), "float operators in half precision, on chips that can"),
        RuntimeOption(PERFORMANCE, _MODES, "the power mode that is asked of the chip"),
    )


def add_to(
    wanted: Any,
    options: Mapping[str, str],
    stack: Mapping[str, str],
    model: Any,
    build_into: Path | None,
) -> None:
    """Has sessions placed on the HTP; see `base.Provider`."""
    soc = soc_of(stack)
    settings = settings_of(soc, options)
    try:
        import onnxruntime_qnn
    except ImportError as error:
        raise Refused(
            Code.PROVIDER_FAILED, f"Provider {NAME} cannot be imported: {error}."
        ) from error
    computes = str(onnxruntime_qnn.get_qnn_htp_path())
    if os.path.basename(computes) != _COMPUTES or not os.path.isfile(computes):
        raise Refused(
            Code.PROVIDER_FAILED,
            f"Provider {NAME} has no {_COMPUTES}, which alone computes what the chip does.",
        )
    _register(str(onnxruntime_qnn.get_library_path()))
    device = _device(is_simulated=SIMULATOR in stack)
    wanted.add_provider_for_devices([device], {"backend_path": computes, **settings})
    if build_into is not None:
        for name, value in (*CONFIG_CONTEXT, (CONTEXT_PATH, str(build_into))):
            wanted.add_session_config_entry(name, value)


def soc_of(stack: Mapping[str, str]) -> Soc:
    """The chip of a device.

    Raises:
        Refused: `unknown_soc`.
    """
    soc = soc_numbered(stack.get(SOC_MODEL, ""))
    if soc is None:
        raise Refused(
            Code.UNKNOWN_SOC,
            f"The chip {stack.get(SOC, '')[:80] or 'of this device'} is none that is known here,"
            " and so neither its number in QNN nor what its neural processor computes.",
        )
    return soc


def settings_of(soc: Soc, options: Mapping[str, str]) -> dict[str, str]:
    """The provider's own options, none left to its defaults that change a number.

    Raises:
        Refused: `unsupported_artifact`, half precision is asked for that the chip has not.
    """
    half = options.get(PRECISION) == HALF
    if half and not soc.halves:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT, f"There is no {HALF} here: {_integers_alone(soc)}."
        )
    return {
        "soc_model": str(soc.model),
        "htp_arch": str(soc.architecture),
        "enable_htp_fp16_precision": str(int(half)),
        "offload_graph_io_quantization": "0",
        "htp_performance_mode": options.get(PERFORMANCE, "default"),
    }


def require_fitting(model: Any, options: Mapping[str, str], stack: Mapping[str, str]) -> None:
    """Refuses float operators, unless half precision is asked for: there is no other here.

    Raises:
        Refused: `unsupported_artifact`, `unknown_soc`.
    """
    soc = soc_of(stack)
    settings_of(soc, options)
    if options.get(PRECISION) == HALF:
        return
    found = float_operators(model)
    if not found:
        return
    why = (
        f"the HTP {soc.htp} of {soc.name} has none but half precision, which"
        f" {PRECISION}={HALF} asks for"
        if soc.halves
        else _integers_alone(soc)
    )
    raise Refused(
        Code.UNSUPPORTED_ARTIFACT, f"Some operators compute in floats: {words_of(found)}; {why}."
    )


def error_of(error: Exception) -> BitgaugeError | None:
    """Nothing that the library does not say better."""
    return None


def why_not(stack: Mapping[str, str]) -> str:
    """That the chip computes in integers alone, where it does."""
    soc = soc_numbered(stack.get(SOC_MODEL, ""))
    return "" if soc is None or soc.halves else _integers_alone(soc)


def _integers_alone(soc: Soc) -> str:
    return f"the HTP {soc.htp} of {soc.name} computes in integers alone"


@cache
def _register(library: str) -> None:
    """Makes the library known to onnxruntime, once in a process.

    Raises:
        Refused: `provider_failed`.
    """
    import onnxruntime

    try:
        onnxruntime.register_execution_provider_library(EXECUTES, library)
    except Exception as error:  # the binding raises a dozen types that share no base
        raise Refused(
            Code.PROVIDER_FAILED, f"Provider {NAME} cannot be loaded: {said(error)}."
        ) from error


def _device(*, is_simulated: bool) -> Any:
    """What onnxruntime lists for it: the neural processor, or the processor that simulates one.

    Raises:
        Refused: `accelerator_missing`, there is none of that kind.
    """
    import onnxruntime

    kinds = onnxruntime.OrtHardwareDeviceType
    wanted = kinds.CPU if is_simulated else kinds.NPU
    for one in onnxruntime.get_ep_devices():
        if one.ep_name == EXECUTES and one.device.type == wanted:
            return one
    raise Refused(
        Code.ACCELERATOR_MISSING,
        f"Provider {NAME} is loaded, but ONNX Runtime finds no neural processor of Qualcomm on this"
        " device.",
    )
