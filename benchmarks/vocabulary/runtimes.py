"""The runtime of a job whose user named none. No other module spells it."""

from __future__ import annotations

DEFAULT_RUNTIME = "onnxruntime"
