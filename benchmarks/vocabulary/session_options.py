"""Options of a runtime's session that may be measured, and what they do to its kernels.

An option changes what runs, so that it is part of the row key (measurement.md A-1): a row with an
option is never compared with the history of one without. Which options there are, each runtime
says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .errors import BadInput, Code
from .values.devices import RuntimeDescription, StackItem

CONVERTED = "converted outside the clock"
"""Under which a session tells those of its inputs and outputs that hold codes of numbers."""
TWO_BUILDS = "two builds"
"""Under which a session tells how two builds of its program compare, where a build may vary."""
BUILDS_DIFFER = "engine builds differ"
"""How it begins where they do."""
_OF = ":"
"""Between a runtime and the option that is given to its sessions alone."""
EXECUTION = "execution"
"""Of a runtime that has several ways: the option that names one, which a session tells."""
PROVIDER = "provider"
"""Of a runtime that can place work elsewhere than on the processor: the option that names what it
places it with. It is the candidate's alone, and so is every option whose name begins with it: the
reference runs where its hardware class says (DESIGN 11.1)."""
_EAGER = f"{EXECUTION}=eager"
_UNDER = "+"
"""Between the name of a kernel in a probe map and the option that it was probed under."""


def parse_session_options(texts: Iterable[str]) -> tuple[StackItem, ...]:
    """Options as they are typed, each ``[RUNTIME:]NAME=VALUE``, sorted by name.

    Raises:
        BadInput: one is no pair, or is given twice with two values.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise BadInput(
                Code.BAD_ARGUMENT, f"--session-option {text!r} is not [RUNTIME:]NAME=VALUE."
            )
        if found.setdefault(name, value) != value:
            raise BadInput(Code.BAD_ARGUMENT, f"--session-option gives {name} two values.")
    return tuple(StackItem(name, value) for name, value in sorted(found.items()))


def options_for(options: Iterable[StackItem], runtime: str) -> tuple[StackItem, ...]:
    """What sessions of a runtime are given of a job's options, sorted by name.

    Those without a runtime are for every one; what is for this one alone goes before them.
    """
    found: dict[str, str] = {}
    for option in sorted(options, key=lambda one: _OF in one.name):
        of, colon, name = option.name.rpartition(_OF)
        if not colon or of == runtime:
            found[name] = option.value
    return tuple(StackItem(name, found[name]) for name in sorted(found))


def is_placing(option: StackItem) -> bool:
    """Whether an option says where, or how there, the candidate alone is computed."""
    name = option.name.rpartition(_OF)[2]
    return name == PROVIDER or name.startswith(f"{PROVIDER}.")


def of_reference(options: Iterable[StackItem]) -> tuple[StackItem, ...]:
    """Options as the reference has them: without those that place the candidate."""
    return tuple(one for one in options if not is_placing(one))


def provider_of(options: Iterable[StackItem]) -> str:
    """What the candidate is placed with; "" where that is nothing besides the processor.

    Args:
        options: of one runtime, as `options_for` gives them.
    """
    return next((one.value for one in options if one.name == PROVIDER), "")


def idle_problem(options: Iterable[StackItem], runtimes: Sequence[str]) -> str | None:
    """Which option is for a runtime that is none of a job's, as part of a sentence; or None."""
    for option in options:
        of, colon, _ = option.name.rpartition(_OF)
        if colon and of not in runtimes:
            return (
                f"session option {option.name} is for {of}, which executes nothing of it; what does"
                f" is {' and '.join(runtimes)}"
            )
    return None


def order_problem(options: Iterable[StackItem]) -> str | None:
    """Why options are no set in the one order that a row key has, as part of a sentence."""
    names = [option.name for option in options]
    if names != sorted(set(names)):
        return f"session options {', '.join(names)} are not sorted, or one is there twice"
    return None


def option_problem(options: Iterable[StackItem], runtime: RuntimeDescription) -> str | None:
    """Why a runtime cannot be measured with these options, as part of a sentence; or None."""
    known = {option.name: option.values for option in runtime.options}
    for option in options:
        if option.name not in known:
            if not known:
                return f"{runtime.name} takes no session options, and so not {option.name}"
            listed = ", ".join(sorted(known))
            return f"session option {option.name} is none of {runtime.name}'s: {listed}"
        if option.value not in known[option.name]:
            values = " or ".join(known[option.name])
            return f"session option {option.name} is {option.value!r} and not {values}"
    return None


def session_words(options: Iterable[StackItem]) -> str:
    """``arena=off, spin=0``; empty without any."""
    return ", ".join(f"{option.name}={option.value}" for option in options)


def exact_words(runtime: RuntimeDescription | None) -> str:
    """How a runtime computes exactly, with what it costs; "" where it has no such mode."""
    if runtime is None or not runtime.exact_options:
        return ""
    names = {option.name for option in runtime.exact_options}
    words = [one.words for one in runtime.options if one.name in names and one.words]
    return ": ".join((session_words(runtime.exact_options), *words[:1]))


def other_ways(runtime: RuntimeDescription | None, told: str) -> str:
    """How else a runtime executes what it ran eager, as it is typed, and what that costs.

    Args:
        runtime: as its device describes it.
        told: what the session says that it was made with.

    Returns:
        "" where it ran otherwise, or its runtime has no other way.
    """
    if runtime is None or _EAGER not in told.replace(" | ", ", ").split(", "):
        return ""
    for option in runtime.options:
        if option.name == EXECUTION:
            ways = " or ".join(
                f"--session-option {runtime.name}{_OF}{EXECUTION}={value}"
                for value in sorted(option.values, reverse=True)
            )
            return ": ".join((ways, option.words)) if option.words else ways
    return ""


def mark_of(option: str, value: str = "1") -> str:
    """What the names of a probe map end with that were probed under an option.

    Args:
        option: its name.
        value: of one that is no switch: it is part of the mark.
    """
    return _UNDER + option.rpartition(".")[2] + ("" if value == "1" else f".{value}")


def modes_under(probe_map: Mapping[str, str], options: Iterable[StackItem]) -> dict[str, str]:
    """The probe map as it is under these options.

    Args:
        probe_map: mode by name; names that end with the mark of an option were probed under it.
        options: what the session is made with.

    Returns:
        Names without marks. What was not probed under an option keeps its plain mode: the probe
        asks again only where that is not exact.
    """
    marks = {mark_of(option.name, option.value) for option in options}
    plain = {name: mode for name, mode in probe_map.items() if _UNDER not in name}
    for name, mode in probe_map.items():
        kind, under, option = name.partition(_UNDER)
        if under and under + option in marks:
            plain[kind] = mode
    return plain
