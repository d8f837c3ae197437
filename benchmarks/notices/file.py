"""`known-issues.toml`: read strictly. Pure, but for the file that Bitgauge brings."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Annotated

import msgspec
from msgspec import Meta

from ..common.typed_toml import Document, Text, Word
from ..vocabulary.enums import ModelClass
from ..vocabulary.errors import BadInput, Code
from .issues import KnownIssue

FILE_NAME = "known-issues.toml"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Texts = Annotated[tuple[Text, ...], Meta(description="a list of texts")]


class _Issue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Text
    title: Text
    advice: Text
    source: Text
    runtime: Text = ""
    versions: Text = ""
    recipes: Texts = ()
    kinds: Texts = ()
    model_classes: tuple[Word[ModelClass], ...] = ()
    options: Annotated[
        dict[str, tuple[Text, ...]], Meta(description="a table of lists of values")
    ] = {}


class _Issues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issue: tuple[_Issue, ...] = ()


@cache
def shipped() -> tuple[KnownIssue, ...]:
    """The issues that this version of Bitgauge knows."""
    return parse_issues(_text(), FILE_NAME)


@cache
def edition() -> str:
    """What tells the file that this version brings from any other: its digest."""
    return hashlib.sha256(_text().encode()).hexdigest()


def _text() -> str:
    return (files(__package__) / FILE_NAME).read_text("utf-8")


def parse_issues(text: str, file: str) -> tuple[KnownIssue, ...]:
    """The issues of a file, in its order.

    Args:
        text: the file.
        file: its name, for sentences.

    Raises:
        BadInput: `BAD_NOTICES`; the sentence has file, line and key, and the nearest known key.
    """
    document = Document("Known issues", file, Code.BAD_NOTICES, text)
    said = document.read(_Issues)
    names = [one.id for one in said.issue]
    return tuple(_issue(document, at, one, names[:at]) for at, one in enumerate(said.issue))


def _issue(document: Document, index: int, said: _Issue, before: list[str]) -> KnownIssue:
    at = ("issue", index)
    if not _ID.fullmatch(said.id):
        raise document.wrong((*at, "id"), f"{said.id!r} is no id: small letters, digits, hyphens")
    if said.id in before:
        raise document.wrong((*at, "id"), f"there are two issues {said.id!r}")
    if said.versions and not said.runtime:
        raise document.wrong((*at, "versions"), "says nothing without a runtime")
    if not (said.runtime or said.recipes or said.kinds):
        raise document.wrong(at, "touches everything: bind it to a runtime, recipes or kinds")
    _require_range(document, (*at, "versions"), said.versions)
    return KnownIssue(
        id=said.id,
        title=said.title,
        advice=said.advice,
        source=said.source,
        runtime=said.runtime,
        versions=said.versions,
        recipes=said.recipes,
        kinds=said.kinds,
        model_classes=tuple(one.member for one in said.model_classes),
        options=tuple(said.options.items()),
    )


def _require_range(document: Document, at: tuple[str | int, ...], versions: str) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(versions)
    except InvalidSpecifier as error:
        why = f"{versions!r} is no range of versions, such as >=1.24,<1.33"
        raise document.wrong(at, why) from error


def required(name: str, issues: tuple[KnownIssue, ...]) -> KnownIssue:
    """The issue of that id.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    from ..vocabulary.typed import unknown

    found = {one.id: one for one in issues}
    if name not in found:
        error: BadInput = unknown("issue", name, found)
        raise error
    return found[name]
