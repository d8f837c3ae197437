"""What CUDA means when it fails, by its own words: whatever library passes them on.

Source: the texts of cudaGetErrorString and cuGetErrorString in CUDA 12 and 13, and what torch
2.13 says in their place. They are searched for in longer sentences, because every library puts
its own around them. Pure; nothing of CUDA is loaded.
"""

from __future__ import annotations

from bitgauge.benchmarks.common.said import said, words_of
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused

_BY_WORDS: tuple[tuple[str, Code], ...] = (
    ("driver version is insufficient", Code.DRIVER_TOO_OLD),
    ("nvidia driver on your system is too old", Code.DRIVER_TOO_OLD),
    ("unsupported display driver / cuda driver combination", Code.DRIVER_TOO_OLD),
    ("forward compatibility was attempted on non supported hw", Code.DRIVER_TOO_OLD),
    ("unsupported toolchain", Code.DRIVER_TOO_OLD),
    ("no kernel image is available", Code.RUNTIME_UNSUPPORTED),
    ("busy or unavailable", Code.DEVICE_TAKEN),
    ("no cuda-capable device is detected", Code.DEVICE_HIDDEN),
    ("found no nvidia driver", Code.DEVICE_HIDDEN),
    ("system not yet initialized", Code.DRIVER_MISSING),
    ("driver shutting down", Code.DRIVER_MISSING),
    ("uncorrectable ecc error", Code.RUN_FAILED),
    ("illegal memory access", Code.RUN_FAILED),
    ("unspecified launch failure", Code.RUN_FAILED),
    ("device-side assert", Code.RUN_FAILED),
)
_OURS = ("cuda", "cudnn", "cublas", "gpu", "device memory", "tensorrt")
_FULL = ("out of memory", "outofmemory", "memoryallocation", "failed to allocate memory")


def code_of(words: str) -> Code | None:
    """The code of what CUDA says; None when these are none of its words.

    Errors that are the card's own (a lost one, ECC) are told by the agent, which asks the driver:
    here they are no more than a run that failed.
    """
    lower = words.lower()
    found = next((code for part, code in _BY_WORDS if part in lower), None)
    if found is not None:
        return found
    is_full = any(one in lower for one in _FULL) and any(one in lower for one in _OURS)
    return Code.OUT_OF_DEVICE_MEMORY if is_full else None


def as_error(error: Exception) -> BitgaugeError | None:
    """An error of ours for what a library raised, when CUDA's words are in it."""
    code = code_of(f"{type(error).__name__}: {words_of(error)}")
    if code is None:
        return None
    if code is Code.OUT_OF_DEVICE_MEMORY:
        return Refused(code, "The artifact needs more memory than the GPU has left.")
    return Refused(code, f"The GPU's driver or runtime says: {said(error)}.")
