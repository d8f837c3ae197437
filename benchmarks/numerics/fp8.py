"""Pairs of 8-bit floats in ONNX Runtime.

Its optimiser takes QuantizeLinear and DequantizeLinear around a product for those of integers,
makes one integer operator of them, and then refuses its own graph, because that operator takes no
8-bit floats; before a zero point of 0 it also drops a Relu, as if no code were negative. Without
these two passes such a model loads: values are rounded to the format and multiplied as float32.
"""

from __future__ import annotations

import contextlib
from typing import Any

UNFUSED = ("session.disable_quant_qdq", "1")
"""The entry of a session's configuration that leaves the pairs as they are."""
LEFT_OUT = ("ReluQuantRewrite",)
"""The other pass, by the name of its optimiser."""
NOTE = (
    "it loads without two passes of ONNX Runtime's optimiser alone, which take its 8-bit floats for"
    f" integers ({UNFUSED[0]}, {LEFT_OUT[0]})"
)


def is_misfused(error: Exception) -> bool:
    """Whether what onnxruntime raised while it loaded a model is that."""
    return type(error).__name__ == "InvalidGraph" and "float8" in str(error)


def is_unfused(session: Any) -> bool:
    """Whether a session was made without those passes."""
    with contextlib.suppress(RuntimeError):  # it has no such entry
        return bool(session.get_session_options().get_session_config_entry(UNFUSED[0]) == "1")
    return False
