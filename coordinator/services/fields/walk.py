"""Every field of every request, held against the table of rules before anybody acts on it.

What a field must hold is worked out once per message and kept, so a request costs one look at each
field that is set. A request is changed only where a program's words are cleaned.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.printable import cleaned, cleaned_lines, cut, hidden_in
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from .rules import MAX_ITEMS, OF_AGENTS, RULES, Data, Form, Number, Text

T = TypeVar("T")

Judge = Callable[[Any], Any]
"""Takes what a field holds and gives what it shall hold; a `Wrong` says what is wrong."""

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNIT = re.compile(r"_(?:unix_ns|pp|ns|ms|s|bytes|pem|mj|per_day|sha256)$")
_SHOWN = 40
"""Characters of a wrong text that a sentence repeats."""


class Wrong(Exception):
    """What is wrong with one value, as the end of a sentence."""


class _Part(NamedTuple):
    """One field of a message."""

    name: str
    most: int | None
    judge: Judge | None
    within: _Walk | None


class _Walk(NamedTuple):
    """One message."""

    parts: dict[int, _Part]
    required: tuple[tuple[str, int], ...]


def require_fields(request: Message) -> None:
    """Refuse a request of which a field holds what it may not; clean what a program says.

    Raises:
        BadInput: `BAD_ARGUMENT`, which field, what it holds and what it takes.
    """
    descriptor = request.DESCRIPTOR
    _look(request, _walk_of(descriptor, descriptor.name in OF_AGENTS), "")


def _look(message: Message, walk: _Walk, path: str) -> None:
    found = {field.number: value for field, value in message.ListFields()}
    for name, number in walk.required:
        if number not in found:
            raise _refused(f"{path}{name}", "is empty")
    for number, value in found.items():
        part = walk.parts[number]
        if part.most is None:
            _one(message, part, value, path)
        elif len(value) > part.most:
            raise _refused(f"{path}{part.name}", f"has {len(value)} items of at most {part.most}")
        else:
            _each(part, value, path)


def _one(message: Message, part: _Part, value: Any, path: str) -> None:
    if part.within is not None:
        _look(value, part.within, f"{path}{part.name}.")
    elif part.judge is not None:
        made = _judged(part.judge, value, f"{path}{part.name}")
        if made is not value:
            setattr(message, part.name, made)


def _each(part: _Part, values: Any, path: str) -> None:
    for index, value in enumerate(values):
        if part.within is not None:
            _look(value, part.within, f"{path}{part.name}[{index}].")
        elif part.judge is not None:
            made = _judged(part.judge, value, f"{path}{part.name}[{index}]")
            if made is not value:
                values[index] = made


def _judged(judge: Judge, value: Any, path: str) -> Any:
    try:
        return judge(value)
    except Wrong as wrong:
        raise _refused(path, str(wrong)) from None


def _refused(path: str, wrong: str) -> BadInput:
    words = _UNIT.sub("", re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]).replace("_", " ")
    return BadInput(Code.BAD_ARGUMENT, f"The {words} ({path}) {wrong}.")


# -- what each field takes ----------------------------------------------------------------
@functools.cache
def _walk_of(descriptor: Any, of_agent: bool) -> _Walk:
    """How to look at one message; `of_agent` says that a program speaks."""
    parts = {field.number: _part(field, of_agent) for field in descriptor.fields}
    required = [
        (field.name, field.number)
        for field in descriptor.fields
        if field.type == FieldDescriptor.TYPE_STRING and text_rule(field, of_agent).required
    ]
    return _Walk(parts, tuple(required))


def _part(field: Any, of_agent: bool) -> _Part:
    most = count_rule(field) if field.is_repeated else None
    within = field.message_type
    if within is not None and within.GetOptions().map_entry:
        raise TypeError(f"{field.full_name} is a map, of which no rule says what it may hold")
    if within is not None:
        return _Part(field.name, most, None, _walk_of(within, of_agent))
    return _Part(field.name, most, _judge(field, of_agent), None)


def _judge(field: Any, of_agent: bool) -> Judge | None:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return functools.partial(_text, text_rule(field, of_agent))
        case FieldDescriptor.TYPE_BYTES:
            return functools.partial(_data, _ruled(RULES.data, field, Data()))
        case FieldDescriptor.TYPE_BOOL:
            return None
        case FieldDescriptor.TYPE_ENUM:
            return functools.partial(_word, frozenset(field.enum_type.values_by_number))
        case _:
            return functools.partial(_number, number_rule(field))


def text_rule(field: Any, of_agent: bool) -> Text:
    """What a field of text may hold."""
    rule = _ruled(RULES.texts, field, Text())
    if of_agent and rule.form is Form.LINE:
        return Text(rule.longest, Form.FACT, rule.required)
    return rule


def count_rule(field: Any) -> int:
    """How many items a list may have."""
    return _ruled(RULES.counts, field, MAX_ITEMS)


def number_rule(field: Any) -> Number:
    """What a field that holds a number may hold."""
    return _ruled(RULES.numbers, field, Number())


def _ruled(table: dict[str, T], field: Any, otherwise: T) -> T:
    """The rule of a field: of itself, of its name, or of the end of its name."""
    name = str(field.name)
    ends = (end for end in table if end.startswith("_") and name.endswith(end))
    for key in (f"{field.containing_type.name}.{name}", name, *ends):
        if key in table:
            return table[key]
    return otherwise


# -- judging ------------------------------------------------------------------------------
def _text(rule: Text, text: str) -> str:
    if rule.form is Form.FACT:
        return cleaned(text, rule.longest)
    if rule.form is Form.LINES:
        return cleaned_lines(text, rule.longest)
    if rule.form is Form.UUID and not _UUID.fullmatch(text):
        raise Wrong(f"is no UUID but {_shown(text)}")
    if rule.form is Form.SHA256 and not _SHA256.fullmatch(text):
        raise Wrong(f"is no SHA-256 in 64 lower-case digits but {_shown(text)}")
    if len(text) > rule.longest:
        raise Wrong(f"has {len(text)} characters of at most {rule.longest}")
    hidden = hidden_in(text)
    if hidden is not None:
        raise Wrong(f"holds the hidden character {hidden}; it takes what can be seen")
    return text


def _shown(text: str) -> str:
    return repr(cut(cleaned(text[: 2 * _SHOWN], 2 * _SHOWN), _SHOWN))


def _data(rule: Data, data: bytes) -> bytes:
    if len(data) > rule.most:
        raise Wrong(f"has {len(data)} bytes of at most {rule.most}")
    return data


def _word(known: frozenset[int], number: int) -> int:
    if number not in known:
        raise Wrong(f"is {number}, which is not known here")
    return number


def _number(rule: Number, number: float) -> float:
    if not math.isfinite(number):
        raise Wrong(f"is {number}; it takes numbers from {rule.least:g} to {rule.most:,g}")
    if not rule.least <= number <= rule.most:
        raise Wrong(f"is {number}; it takes numbers from {rule.least:,} to {rule.most:,}")
    return number
