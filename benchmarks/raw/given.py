"""What a launch was given: samples, inputs as they were fed, session options as set, and its seed.

The child writes it into the metadata of every raw file::

    given  {seed, evaluation_sha256, inputs [{name: "float32[1,1,8,8]"}],
            session_options [{name: value}], anchors {name: text}, made true}

Files of older agents lack it, and a file may claim anything: what cannot be read is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import starmap
from typing import Any

from ..common.fits import Misfit, Sha256, fitted
from ..vocabulary.values.devices import StackItem
from .anchors import Anchors, from_items
from .container import RawFile

MAX_CHARACTERS = 4096
"""Longest text that is believed of one launch's inputs or options."""

_KEY = "given"


@dataclass(frozen=True, slots=True)
class Given:
    """What one launch was given; a field is None where the raw file does not tell it.

    Attributes:
        evaluation_sha256: the evaluation set that its inputs came from.
        inputs: `x float32[1,1,8,8]`, by name; with ` | ` between artifacts that took others.
        session_options: `name=value` of every option that the runtime says it set, likewise.
        seed: of every random choice in the launch, 64 bits.
        anchors: the most that was observed of its runtime on the device until then.
        made: whether its inputs were made from the model's signature.
    """

    evaluation_sha256: str | None = None
    inputs: str | None = None
    session_options: str | None = None
    seed: int | None = None
    anchors: Anchors | None = None
    made: bool = False


def given_meta(
    seed: int,
    evaluation_sha256: str,
    inputs: Iterable[Mapping[str, str]],
    session_options: Iterable[Mapping[str, str]],
    anchors: Iterable[StackItem] = (),
    *,
    made: bool = False,
) -> dict[str, Any]:
    """The metadata of a raw file that say it; empty parts are left out."""
    parts = {
        "evaluation_sha256": evaluation_sha256,
        "inputs": [dict(one) for one in inputs],
        "session_options": [dict(one) for one in session_options],
        "anchors": {item.name: item.value for item in anchors},
        "made": made,
    }
    return {_KEY: {"seed": seed, **{name: part for name, part in parts.items() if part}}}


def given_of(raw: RawFile) -> Given:
    """What the launch of `raw` was given, as far as the file tells."""
    meta = raw.meta.get(_KEY)
    if not isinstance(meta, dict):
        return Given()
    seed, anchors = _read(meta, "seed", int), _read(meta, "anchors", dict[str, str])
    return Given(
        evaluation_sha256=_read(meta, "evaluation_sha256", Sha256),
        inputs=_words(meta, "inputs", " "),
        session_options=_words(meta, "session_options", "="),
        seed=seed if seed is not None and 0 <= seed < 1 << 64 else None,
        anchors=None if anchors is None else from_items(starmap(StackItem, anchors.items())),
        made=meta.get("made") is True,
    )


def _read(meta: Mapping[str, Any], key: str, kind: Any) -> Any:
    """What stands there if it is of that kind, else None."""
    try:
        return fitted(meta.get(key), kind)
    except Misfit:
        return None


def _words(meta: Mapping[str, Any], key: str, between: str) -> str | None:
    """The items as one line; None when they are no list of texts by name, or too long."""
    items = _read(meta, key, list[dict[str, str]]) or ()
    lines = (", ".join(f"{name}{between}{text}" for name, text in one.items()) for one in items)
    text = " | ".join(dict.fromkeys(lines))
    return text if text and len(text) <= MAX_CHARACTERS else None
