"""Quantities that people type: times, sizes and energies, always with their unit."""

from __future__ import annotations

import difflib
import enum
import itertools
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TypeVar

from .errors import BadInput, Code

_TIMES_NS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10}
_HOUR_NS = 3_600 * 10**9
_LONG_NS = {"h": _HOUR_NS, "d": 24 * _HOUR_NS}
_SIZES_BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
_ENERGIES_MJ = {"uj": 1e-3, "µj": 1e-3, "μj": 1e-3, "mj": 1.0, "j": 1e3, "kj": 1e6}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([^\d\s.]+)\s*", re.ASCII)


def parse_time_ns(text: str) -> float:
    """Nanoseconds of a time such as `250us` or `1.5 ms`.

    Raises:
        BadInput: there is no unit, or none that is known.
    """
    return _parse(text, _TIMES_NS, "a time with its unit, such as 250us, 1.5ms or 2s")


def parse_long_time_ns(text: str) -> float:
    """Nanoseconds of a time that may also be given in hours (`h`) and days (`d`).

    Raises:
        BadInput: it is no time above 0.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([hd])\s*", text, re.ASCII)
    ns = float(match[1]) * _LONG_NS[match[2]] if match else parse_time_ns(text)
    if ns <= 0:
        raise BadInput(Code.BAD_ARGUMENT, f"{text!r} is not a time above 0.")
    return ns


def parse_since_unix_ns(text: str, now_ns: int) -> int:
    """The moment that a date, a time of UTC, or an age such as `7d` or `30min` means.

    Raises:
        BadInput: it is none of these.
    """
    try:
        moment = datetime.fromisoformat(text.strip().removesuffix("UTC").strip())
        return int(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()) * 10**9
    except ValueError:
        pass
    try:
        return max(0, now_ns - int(parse_long_time_ns(text)))
    except BadInput as error:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{text!r} is no date (2026-11-21), no time of UTC (2026-11-21T14:00) and no age"
            " (7d, 12h).",
        ) from error


def parse_size_bytes(text: str) -> int:
    """Bytes of a size such as `300KiB` or `1.5 MB`; fractions of a byte are cut off.

    Raises:
        BadInput: there is no unit, or none that is known.
    """
    return int(_parse(text, _SIZES_BYTES, "a size with its unit, such as 500KiB or 2MB"))


def parse_energy_mj(text: str) -> float:
    """Millijoules of an energy such as `12 mJ` or `0.5J`.

    Raises:
        BadInput: it is no energy above 0 with a unit that is known.
    """
    if "MJ" in text:  # which is no mJ: a thousand million of them
        raise BadInput(
            Code.BAD_ARGUMENT, f"{text!r} is in megajoules; energies are in mJ, J or kJ."
        )
    found = _parse(text, _ENERGIES_MJ, "an energy with its unit, such as 12mJ or 0.5J")
    if found <= 0:
        raise BadInput(Code.BAD_ARGUMENT, f"{text!r} is not an energy above 0.")
    return found


def _parse(text: str, units: dict[str, float] | dict[str, int], meant: str) -> float:
    match = _QUANTITY.fullmatch(text)
    factor = units.get(match.group(2).lower()) if match else None
    if match is None or factor is None:
        raise BadInput(Code.BAD_ARGUMENT, f"{text!r} is not {meant}.")
    return float(match.group(1)) * factor


Word = TypeVar("Word", bound=enum.Enum)

MAX_TYPED = 100
MAX_COMPARED = 500


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, or None when none is near, or nobody would type it.

    Of very many known words only the first are looked at.
    """
    if len(word) > MAX_TYPED:
        return None
    words = itertools.islice(sorted(known), MAX_COMPARED)
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.5)
    return close[0] if close else None


def hint_of(word: str, known: Iterable[str]) -> str:
    """The nearest known word, and all of them, as the end of a sentence."""
    words = sorted(known)
    close = nearest(word, words)
    meant = f"; did you mean {close}?" if close else ""
    return f"{meant} (known: {', '.join(words)})"


def unknown(what: str, word: str, known: Iterable[str]) -> BadInput:
    """The error for a word that is not known, naming the nearest one and all that are.

    Args:
        what: what the word should name, such as ``model class``.
        word: what was typed.
        known: every word that would have been taken.
    """
    words = sorted(known)
    hint = nearest(word, words)
    meant = f"; did you mean {hint}?" if hint else "."
    listed = f" Known: {', '.join(words)}." if words else ""
    return BadInput(Code.BAD_ARGUMENT, f"Unknown {what} {word!r}{meant}{listed}")


def parse_word(kind: type[Word], word: str, what: str) -> Word:
    """The member of `kind` whose value is `word`; hyphens may stand for underscores.

    Raises:
        BadInput: no member has that value; the sentence suggests the nearest.
    """
    plain = word.strip().lower().replace("-", "_")
    for member in kind:
        if member.value == plain:
            return member
    raise unknown(what, word, (str(member.value) for member in kind))
