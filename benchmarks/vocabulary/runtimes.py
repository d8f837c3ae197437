"""The runtime of a job whose user named none. No other module spells it."""

from __future__ import annotations

DEFAULT_RUNTIME = "onnxruntime"

USUAL_RUNTIMES = {
    "gguf": "llamacpp",
    "tflite": "litert",
    "pt2": "torch",
    "pte": "executorch",
    "genai": "genai",
    "safetensors": "transformers",
}
"""What executes an artifact of a kind that the default does not take, while no device says so."""
