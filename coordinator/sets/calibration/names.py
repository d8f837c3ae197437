"""What calibration sets are called, and which version is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound
from bitgauge.benchmarks.vocabulary.typed import nearest
from bitgauge.benchmarks.vocabulary.values.calibration import CalibrationSet

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def require_set_name(name: str) -> str:
    """A name that can be typed as NAME@VERSION and OLD=NEW.

    Raises:
        BadInput: BAD_ARGUMENT.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{name!r} is no name of a calibration set: up to 80 letters, digits, dots, dashes and"
            " underscores, the first a letter or digit.",
        )
    return name


def set_named(sets: Sequence[CalibrationSet], text: str) -> CalibrationSet:
    """The version that `NAME` (the newest) or `NAME@VERSION` means.

    Raises:
        NotFound: UNKNOWN_CALIBRATION_SET; the nearest name, or the versions there are, are said.
    """
    name, at, number = text.partition("@")
    own = [one for one in sets if one.name == name]
    if not own:
        hint = nearest(name, sorted({one.name for one in sets}))
        meant = f"; did you mean {hint}?" if hint else "."
        raise NotFound(Code.UNKNOWN_CALIBRATION_SET, f"There is no calibration set {name!r}{meant}")
    if not at:
        return max(own, key=lambda one: one.version)
    for one in own:
        if number == str(one.version):
            return one
    last = max(one.version for one in own)
    raise NotFound(
        Code.UNKNOWN_CALIBRATION_SET,
        f"{name} has no version {number!r}; its versions are 1 to {last}.",
    )
