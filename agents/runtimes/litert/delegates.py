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


def load(binding: Any, options: SessionOptions) -> list[Any] | None:
    """The delegate of a session, loaded; None where it asks for none.

    Raises:
        Refused: it is not on the list, not installed, or refuses this device.
    """
    name = {one.name: one.value for one in options.further}.get(DELEGATE)
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
        return [binding.load_delegate(library)]
    except (ValueError, OSError) as error:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT, f"Delegate {name} cannot be used here: {said(error)}."
        ) from error
