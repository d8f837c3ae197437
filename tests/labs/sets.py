"""Files as users bring them: archives, and models in several files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

WEIGHTS = "weights/model.bin"


def npz(**arrays: Any) -> bytes:
    """The bytes of an archive, whose arrays need not make a set."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def with_external_data(model: Any, folder: Path, location: str = WEIGHTS) -> Path:
    """Writes a model with every weight in one further file; the path of the model itself."""
    import onnx

    path = folder / "model.onnx"
    (folder / location).parent.mkdir(parents=True, exist_ok=True)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    onnx.save(copy, str(path), save_as_external_data=True, location=location, size_threshold=0)
    return path
