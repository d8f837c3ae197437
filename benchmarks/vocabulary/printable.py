"""What may be printed: characters that show themselves, and nothing that moves or hides others.

A terminal obeys control characters, a page obeys marks of direction, and an eye does not see what
has no width. Whoever takes a text in refuses or cleans them, and whoever prints a text shows them
as the escapes that programmers write: what was stored by anybody is harmless then, and still seen.
"""

from __future__ import annotations

import re

_RANGES = (
    r"\x00-\x1f\x7f-\x9f\xad"  # controls, and a hyphen that is seen at the end of a line only
    r"\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # of no width, or of direction
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    r"\ud800-\udfff"  # halves of characters
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"  # tags: a hidden alphabet
)
_HIDDEN = re.compile(f"[{_RANGES}]")
_HIDDEN_IN_LINES = re.compile(f"(?!\n)[{_RANGES}]")
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and cursors
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links
)
ELLIPSIS = " ..."


def hidden_in(text: str) -> str | None:
    """The first character of `text` that may not be printed, as its escape; None: it is clean."""
    if text.isascii() and text.isprintable():
        return None
    found = _HIDDEN.search(text)
    return None if found is None else _escape(found)


def printable(text: str) -> str:
    """`text` as one line, with what may not be printed as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(_escape, text)


def printable_lines(text: str) -> str:
    """`text` with its line breaks, and with what else may not be printed as an escape."""
    return _HIDDEN_IN_LINES.sub(_escape, text)


def printable_json(text: str) -> str:
    """JSON of the same value, in which what may not be printed is an escape of JSON's own."""
    if text.isascii():
        return text.replace("\x7f", "\\u007f")
    return _HIDDEN_IN_LINES.sub(_json_escape, text)


def cleaned(text: str, longest: int) -> str:
    """What a program wrote, as one line of at most `longest` characters."""
    if text.isascii() and text.isprintable():
        return cut(text, longest)
    return cut(printable(re.sub(r"[\t\r\n\v\f\u2028\u2029]+", " ", _drawn(text))), longest)


def cleaned_lines(text: str, longest: int) -> str:
    """What a program wrote over several lines; of what is too long the end stays."""
    plain = re.sub(r"\r\n?|[\v\f\u2028\u2029]", "\n", _drawn(text)).replace("\t", "    ")
    shown = printable_lines(plain)
    return shown if len(shown) <= longest else ELLIPSIS.strip() + shown[3 - longest :]


def cut(text: str, longest: int) -> str:
    """`text`, or as much of it as fits with a sign that there was more."""
    return text if len(text) <= longest else text[: longest - len(ELLIPSIS)] + ELLIPSIS


def _drawn(text: str) -> str:
    """`text` without the sequences that colour it or move a cursor."""
    return _SEQUENCES.sub("", text) if "\x1b" in text or not text.isascii() else text


def _json_escape(found: re.Match[str]) -> str:
    halves = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(
        f"\\u{int.from_bytes(halves[at : at + 2], 'big'):04x}" for at in range(0, len(halves), 2)
    )


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
