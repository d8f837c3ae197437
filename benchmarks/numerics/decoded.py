"""A model as its message, so that a reason can name its nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def decoded(path: Path) -> Any:
    """A model without its weights, to name nodes in a reason; None where it is none."""
    try:
        import onnx

        return onnx.load(str(path), load_external_data=False)
    except Exception:  # which is then what the reason says
        return None
