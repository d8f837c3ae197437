"""Delegates that a session may be given besides XNNPACK: libraries of this list and no others.

A delegate is native code in the process that measures. Which library belongs to a name is fixed
here; where it lies the device's owner decides by installing it. Nothing of a job reaches a path.
"""

from __future__ import annotations

import ctypes.util
import os
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from ..base import SessionOptions
from .placement import Placement

DELEGATE = "delegate"
"""The option that names one."""

LIBRARIES = {
    "armnn": "libarmnnDelegate.so",
    "edgetpu": "libedgetpu.so.1",
    "ethosu": "libethosu_delegate.so",
    "qnn": "libQnnTFLiteDelegate.so",
    "vx": "libvx_delegate.so",
}
"""File of each, as its vendor installs it."""

OPTIONS = {"qnn": {"backend_type": "htp"}}
"""What a delegate is told: without it the one of Qualcomm chooses no processor at all."""
ALONE = frozenset({"qnn"})
"""Of these an artifact runs whole or not at all: what the neural processor does not take would be
computed by the processor without a word. Never run: no such chip was there."""

_FOLDERS = ("/usr/lib", "/usr/local/lib", "/usr/lib/aarch64-linux-gnu", "/usr/lib/x86_64-linux-gnu")


def installed() -> tuple[str, ...]:
    """Those of the list whose library is on this device."""
    return tuple(name for name in sorted(LIBRARIES) if library_of(name) is not None)


def library_of(name: str) -> str | None:
    """What to load for a delegate; None where its library is not installed.

    Raises:
        Refused: `unsupported_artifact`, it is not on the list.
    """
    file = LIBRARIES.get(name)
    if file is None:
        listed = ", ".join(sorted(LIBRARIES))
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"Delegate {name[:80]!r} is none that this agent loads: {listed}.",
        )
    for folder in _FOLDERS:
        if Path(folder, file).is_file():
            return os.path.join(folder, file)
    return ctypes.util.find_library(file.removeprefix("lib").partition(".so")[0])


def is_alone(options: SessionOptions) -> bool:
    """Whether a session is asked to be a delegate's as a whole."""
    return _name(options) in ALONE


def left_over(where: Placement) -> str:
    """The operators that no delegate took, as part of a sentence; "" where it took them all."""
    left = [one.kind for at, one in enumerate(where.operators) if at not in where.taken]
    if not left:
        return ""
    return f"{len(left)} of {len(where.operators)} operators ({', '.join(sorted(set(left))[:6])})"


def _name(options: SessionOptions) -> str | None:
    return {one.name: one.value for one in options.further}.get(DELEGATE)


def load(binding: Any, options: SessionOptions) -> list[Any] | None:
    """The delegate of a session, loaded; None where it asks for none.

    Raises:
        Refused: it is not on the list, not installed, or refuses this device.
    """
    name = _name(options)
    if name is None:
        return None
    library = library_of(name)
    if library is None:
        raise Refused(
            Code.RUNTIME_MISSING,
            f"Delegate {name} needs {LIBRARIES[name]}, which is not installed on this device.",
        )
    try:
        ctypes.CDLL(library)  # the binding leaves half an object behind where this fails
        return [binding.load_delegate(library, OPTIONS.get(name))]
    except (ValueError, OSError) as error:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT, f"Delegate {name} cannot be used here: {said(error)}."
        ) from error
