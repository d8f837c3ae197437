"""Options of a runtime's session that may be measured, and what they do to its kernels.

An option changes what runs, so that it is part of the row key (measurement.md A-1): a row with an
option is never compared with the history of one without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .errors import BadInput, Code
from .values.devices import StackItem


@dataclass(frozen=True, slots=True)
class SessionOption:
    """One option.

    Attributes:
        runtime: the only runtime that has it.
        values: what it may be.
        mark: what the names of a probe map end with that were probed under it; "" when it does
            not change what kernels do.
    """

    runtime: str
    values: tuple[str, ...]
    mark: str


PRECISION = "session.x64quantprecision"
"""Onnxruntime: rewrites constant s8 weights to u8 where their kernels might saturate, so that
products are exact (onnxruntime_session_options_config_keys.h)."""

EXACT_MODE = StackItem(PRECISION, "1")

ALLOWED: Mapping[str, SessionOption] = {
    PRECISION: SessionOption("onnxruntime", ("1",), "+x64quantprecision"),
}
"""Every option that may be given; one that leaves all as it is would be a second name of a row."""


def parse_session_options(texts: Iterable[str]) -> tuple[StackItem, ...]:
    """Options as they are typed, each ``NAME=VALUE``, sorted by name.

    Raises:
        BadInput: one is no pair, or is given twice with two values.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"--session-option {text!r} is not NAME=VALUE, such as {PRECISION}=1.",
            )
        if found.setdefault(name, value) != value:
            raise BadInput(Code.BAD_ARGUMENT, f"--session-option gives {name} two values.")
    return tuple(StackItem(name, value) for name, value in sorted(found.items()))


def session_options_problem(options: Iterable[StackItem], runtime: str) -> str | None:
    """Why a runtime cannot be measured with these options, as part of a sentence; or None."""
    names = [option.name for option in options]
    if names != sorted(set(names)):
        return f"session options {', '.join(names)} are not sorted, or one is there twice"
    for option in options:
        known = ALLOWED.get(option.name)
        if known is None:
            listed = ", ".join(sorted(ALLOWED))
            return f"session option {option.name} is not one that can be measured: {listed}"
        if option.value not in known.values:
            values = " or ".join(known.values)
            return f"session option {option.name} is {option.value!r} and not {values}"
        if runtime != known.runtime:
            return f"session option {option.name} is one of {known.runtime}, not of {runtime}"
    return None


def require_session_options(options: Iterable[StackItem], runtime: str) -> None:
    """Refuse options that cannot be measured.

    Raises:
        BadInput: code `bad_argument`, with what is wrong.
    """
    problem = session_options_problem(tuple(options), runtime)
    if problem:
        raise BadInput(Code.BAD_ARGUMENT, f"This cannot be measured: {problem}.")


def session_words(options: Iterable[StackItem]) -> str:
    """``session.x64quantprecision=1``; empty without any."""
    return ", ".join(f"{option.name}={option.value}" for option in options)


def modes_under(probe_map: Mapping[str, str], options: Iterable[StackItem]) -> dict[str, str]:
    """The probe map as it is under these options.

    Args:
        probe_map: mode by name; names that end with the mark of an option were probed under it.
        options: what the session is made with.

    Returns:
        Names without marks. What was not probed under an option keeps its plain mode: the probe
        asks again only where that is not exact.
    """
    marks = {ALLOWED[option.name].mark for option in options if option.name in ALLOWED}
    plain = {name: mode for name, mode in probe_map.items() if "+" not in name}
    for name, mode in probe_map.items():
        kind, plus, mark = name.partition("+")
        if plus and plus + mark in marks:
            plain[kind] = mode
    return plain
