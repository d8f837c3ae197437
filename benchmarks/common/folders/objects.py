"""An object of JSON in a file: bounded, each name once, and no number that is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...vocabulary.errors import BadInput, Code
from ..files import opened_plain

MAX_CONFIG_BYTES = 1 << 20
"""Of a file that says how a model is built or run; those of large models are a few KiB."""
_SHOWN = 80


def object_in(path: Path, what: str, most_bytes: int = MAX_CONFIG_BYTES) -> dict[str, Any]:
    """The object in the file at `path`, called `what` in every sentence.

    Raises:
        BadInput: `BAD_MODEL`, it is no plain file, larger than `most_bytes`, or no such object.
    """
    try:
        with opened_plain(path, follow=True) as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise wrong(what, f"cannot be read: {error.strerror or error}") from error
    if len(data) > most_bytes:
        raise wrong(what, f"is larger than {most_bytes} bytes, which are taken at most")
    return object_of(data, what)


def object_of(data: bytes, what: str) -> dict[str, Any]:
    """The object that `data` is.

    Raises:
        BadInput: `BAD_MODEL`, it is not JSON, or is made to be read in two ways.
    """
    try:
        found = json.loads(data, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise wrong(what, f"is no JSON that can be read ({str(error)[:_SHOWN]})") from error
    if not isinstance(found, dict):
        raise wrong(what, "is no object of JSON")
    return found


def section(held: Mapping[str, Any], name: str, what: str) -> dict[str, Any]:
    """An object within an object.

    Raises:
        BadInput: `BAD_MODEL`, there is none of that name.
    """
    found = held.get(name)
    if not isinstance(found, dict):
        raise wrong(what, f"has no object {name!r}")
    return found


def whole_number(held: Mapping[str, Any], name: str, what: str, most: int) -> int:
    """A number from 1 on.

    Raises:
        BadInput: `BAD_MODEL`, it is not there, no whole number, or beyond `most`.
    """
    found = held.get(name)
    if type(found) is not int or not 0 < found <= most:
        raise wrong(what, f"gives no {name} from 1 to {most} but {str(found)[:_SHOWN]}")
    return found


def wrong(what: str, why: str) -> BadInput:
    """What is the matter with a file, in one sentence."""
    sentence = f"{what} {why}."
    return BadInput(Code.BAD_MODEL, sentence)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
