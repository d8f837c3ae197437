"""What may be printed, and what becomes of the rest."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from bitgauge.benchmarks.vocabulary.printable import (
    cleaned,
    cleaned_lines,
    hidden_in,
    printable,
    printable_lines,
)
from hypothesis import given
from hypothesis import strategies as st

SEEN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2}
"""Signs before or around Arabic and Syriac numbers: of category Cf, and drawn."""


def test_whatever_unicode_calls_a_control_or_a_format_is_hidden() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and code not in SEEN:
            assert hidden_in(character) is not None, f"U+{code:04X}"


@pytest.mark.parametrize(
    "text", ["digits", "Ünïcode µ", "模型", "مُودِل", "naïve 3 µs", "a\u00a0b", "🤖", ""]
)
def test_what_people_write_stays(text: str) -> None:
    assert hidden_in(text) is None
    assert printable(text) == printable_lines(text) == cleaned(text, 99) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\x07", r"a\x07"),
        ("a\u202egpj", r"a\u202egpj"),
        ("a\nb", r"a\x0ab"),
        ("a\u200bb", r"a\u200bb"),
        ("a\U000e0041", r"a\U000e0041"),
    ],
)
def test_what_is_hidden_is_printed_as_its_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_a_program_wrote_keeps_its_words() -> None:
    told = "\x1b[1;31merror\x1b[0m:\tno \x1b]0;title\x07memory\r\n  at x\u202e"
    assert cleaned(told, 99) == r"error: no memory   at x\u202e"
    assert cleaned_lines(told, 99) == "error:    no memory\n  at x\\u202e"


def test_too_much_is_cut_where_it_says_least() -> None:
    assert cleaned("x" * 100, 10) == "xxxxxx ..."
    assert cleaned_lines("\n".join(map(str, range(1000))), 12) == "...7\n998\n999"
    assert len(cleaned_lines("\x1b" * 1000, 100)) == 100


@given(st.text(st.characters(), max_size=60), st.integers(8, 60))
def test_whatever_it_was_it_can_be_printed(text: str, longest: int) -> None:
    for made in (printable(text), cleaned(text, longest)):
        assert hidden_in(made) is None
        assert printable(made) == made
    lines = cleaned_lines(text, longest)
    assert hidden_in(lines.replace("\n", "")) is None
    assert max(len(lines), len(cleaned(text, longest))) <= longest
