"""Known issues in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bitgauge.benchmarks.notices.issues import KnownIssue

from ..layout import wrapped


def issues_text(found: Iterable[KnownIssue]) -> str:
    """Each issue with what it touches, what to do and where it was seen."""
    return "\n".join(line for one in found for line in _lines(one)).rstrip() or "none"


def _lines(one: KnownIssue) -> Iterator[str]:
    yield from wrapped(f"{one.id}: {one.title}.")
    yield from wrapped(f"touches {_touched(one)}", "  ")
    yield from wrapped(one.advice, "  -> ", "   ")
    yield from wrapped(one.source, "  ")
    yield ""


def _touched(one: KnownIssue) -> str:
    named = (
        f"{one.runtime} {one.versions}".strip(),
        f"recipes {', '.join(one.recipes)}" if one.recipes else "",
        f"kinds {', '.join(one.kinds)}" if one.kinds else "",
        f"models {', '.join(each.value for each in one.model_classes)}"
        if one.model_classes
        else "",
        *(f"{name} {' or '.join(values)}" for name, values in one.options),
    )
    return "; ".join(filter(None, named))
