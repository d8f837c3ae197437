"""How printed text is laid out: width, wrapping, columns, colours.

The same on a terminal and in a pipe, but for the colours of verdicts; no line is drawn but the one
below a head.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

WIDTH = 100
_LEAST = 30
"""As narrow as what goes across columns may become."""

_COLOURS = {
    "FASTER": 32,
    "PASS": 32,
    "SLOWER": 31,
    "FAIL": 31,
    "UNDECIDED": 33,
    "unsupported": 33,
    "failed": 31,
}
_WORDS = re.compile(rf"\b(?:{'|'.join(_COLOURS)})\b")


def coloured(plain: str) -> str:
    """The text with verdicts and states in colour, for a terminal."""
    return _WORDS.sub(lambda word: f"\x1b[{_COLOURS[word[0]]}m{word[0]}\x1b[0m", plain)


def wrapped(words: str, indent: str = "", hanging: str = "") -> list[str]:
    """A text in lines of at most `WIDTH`; names and numbers are never broken.

    Args:
        words: the text.
        indent: what its first line begins with; the others are as far in as its blanks.
        hanging: how much further in the others are.
    """
    return textwrap.wrap(
        words,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * (len(indent) - len(indent.lstrip())) + hanging,
        break_on_hyphens=False,
        break_long_words=False,
    )


def notes(those: Iterable[str]) -> list[str]:
    """Each note once, its further lines a little further in."""
    return [line for note in dict.fromkeys(those) for line in wrapped(note, hanging="  ")]


def cut(name: str, most: int = 36) -> str:
    """The end of a long name tells more than its beginning."""
    return name if len(name) < most else f"...{name[-(most - 5) :]}"


def columns(
    lines: Sequence[Sequence[str]],
    heads: Sequence[str] = (),
    *,
    right: Collection[int] = (),
    ruled: bool = False,
    indent: str = "",
) -> list[str]:
    """Lines of cells below one another, as narrow as the contents allow.

    Of a line with fewer cells than there are columns the last goes across what is left. What is too
    wide for a line is wrapped in the last column.

    Args:
        lines: the cells of each line, at least one.
        heads: of the columns; each may have several lines.
        right: columns that are aligned to the right.
        ruled: whether a line parts the heads from what is below.
        indent: what each line begins with.
    """
    from rich.cells import cell_len  # only who prints a table waits for rich

    tops = list(zip(*(head.split("\n") for head in heads), strict=True))
    whole = max(map(len, [*lines, heads]))
    widths = [0] * whole
    for line in [*lines, *tops]:
        for place in range(whole if len(line) == whole else len(line) - 1):
            widths[place] = max(widths[place], cell_len(line[place]))
    room = WIDTH - len(indent)
    # Narrow gaps only where they make all of it fit.
    gap = 1 if room - 2 * (whole - 1) < sum(widths) <= room - (whole - 1) else 2
    if whole - 1 not in right:
        widths[-1] = min(widths[-1], max(_LEAST, room - sum(widths[:-1]) - gap * (whole - 1)))
    printed = []
    if tops:
        printed += _printed(tops, widths, right, gap)
    if ruled:
        printed.append("")
    for count, group in groupby(lines, len):
        kept = widths[: count - 1]
        across = max(_LEAST, room - sum(kept) - gap * len(kept))
        if count == whole:
            printed += _printed(list(group), widths, right, gap)
        else:
            printed += _printed(list(group), [*kept, across], {*right} - {count - 1}, gap)
    if ruled:
        printed[len(tops)] = "-" * (sum(widths) + gap * (whole - 1))
    return [f"{indent}{line}".rstrip() for line in printed]


def _printed(
    lines: Sequence[Sequence[str]], widths: Sequence[int], right: Collection[int], gap: int
) -> list[str]:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, gap, 0, 0))
    for place, width in enumerate(widths):
        table.add_column(
            width=width, justify="right" if place in right else "left", overflow="fold"
        )
    for line in lines:
        table.add_row(*line)
    plain = io.StringIO()
    console = Console(
        file=plain,
        width=sum(widths) + gap * len(widths),
        color_system=None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    console.print(table)
    return [line.rstrip() for line in plain.getvalue().splitlines()]
