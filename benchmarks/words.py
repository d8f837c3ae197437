"""Words that people type: parsed into our enumerations, with the nearest word when unknown."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable
from typing import TypeVar

from .errors import BadInput, Code

Word = TypeVar("Word", bound=enum.Enum)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, or None when none is near."""
    close = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.5)
    return close[0] if close else None


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
