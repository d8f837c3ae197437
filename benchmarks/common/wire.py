"""Between our values and the messages of the contract; the only importer of protos here.

A value and its message share name and field names, so one reflective pair serves all of them.
Descriptors have two implementations without a common type, hence `Any` where they are walked.
Values are checked on arrival by `msgspec.convert` against the types of `model`, so a field of the
wrong kind or an unknown enumeration value ends in one sentence.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from bitgauge.protos.v1 import agent_pb2, common_pb2, lab_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from ..vocabulary.errors import BadInput, Code

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)

CODE_KEY = "bitgauge-code"
"""Trailer of a failed call that holds our code; sentence and advice travel as its details."""


def code_in(trailers: Iterable[tuple[str, str | bytes]] | None) -> str | None:
    """The code in the trailers of a failed call, known here or not; None: nobody of ours spoke."""
    for key, value in trailers or ():
        if key == CODE_KEY:
            return value if isinstance(value, str) else value.decode("ascii", "replace")
    return None


def to_wire(value: object) -> Any:
    """The message that carries `value`."""
    message = message_class(type(value))()
    _fill(message, value)
    return message


MAX_ITEMS = 20_000
"""Items of all lists of one request together: half a second of work, and ten times the largest
suite. Empty ones take two bytes each on the wire, so that a message limit alone bounds nothing."""


def from_wire(kind: type[T], message: Message, max_items: int | None = MAX_ITEMS) -> T:
    """The value that `message` carries.

    Args:
        kind: of the value.
        message: as it came.
        max_items: how many items its lists may hold together; None for who believes the sender.

    Raises:
        BadInput: a field is missing, out of range or an enumeration value is not known.
    """
    try:
        return msgspec.convert(_plain(message, _Room(max_items)), kind)
    except msgspec.ValidationError as error:
        raise BadInput(
            Code.BAD_ARGUMENT, f"{message.DESCRIPTOR.name} is not valid: {error}."
        ) from error


def word_from_wire(kind: type[E], number: int) -> E:
    """The word of an enumeration that a bare field of a request carries.

    Raises:
        BadInput: it is unspecified, or no word that is known here.
    """
    descriptor = getattr(common_pb2, kind.__name__).DESCRIPTOR
    known = descriptor.values_by_number.get(number)
    if known is None or number == 0:
        raise BadInput(
            Code.BAD_ARGUMENT, f"The {kind.__name__.lower()} {number} is not known here."
        )
    return kind(known.name.removeprefix(enum_prefix(descriptor)).lower())


def message_class(kind: type) -> type[Message]:
    """The message named like the value class `kind`."""
    for module in (common_pb2, agent_pb2, lab_pb2):
        found: type[Message] | None = getattr(module, kind.__name__, None)
        if found is not None:
            return found
    raise TypeError(f"{kind.__name__} crosses no wire")


def enum_prefix(descriptor: Any) -> str:
    """What every value name of a proto enumeration begins with: ``JobState`` -> ``JOB_STATE_``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", descriptor.name).upper() + "_"


def _fill(message: Message, value: object) -> None:
    for field in message.DESCRIPTOR.fields:
        item = getattr(value, field.name)
        if item is None:
            continue
        if field.is_repeated:
            _extend(getattr(message, field.name), field, item)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            part = getattr(message, field.name)
            part.SetInParent()
            _fill(part, item)
        else:
            setattr(message, field.name, _scalar(field, item))


def _extend(target: Any, field: Any, items: Any) -> None:
    for item in items:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            _fill(target.add(), item)
        else:
            target.append(_scalar(field, item))


def _scalar(field: Any, item: Any) -> Any:
    if isinstance(item, enum.Enum):
        return field.enum_type.values_by_name[enum_prefix(field.enum_type) + item.name].number
    return item


class _Room:
    """For how many items of lists there is room yet."""

    def __init__(self, items: int | None) -> None:
        self._most = self._left = items

    def take(self, items: int, field: Any) -> None:
        """Refuse a list before any of it is looked at."""
        if self._left is None:
            return
        self._left -= items
        if self._left < 0:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"{field.containing_type.name} is too long: its `{field.name}` goes beyond"
                f" {self._most} items in one request.",
            )


def _plain(message: Message, room: _Room) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        item = getattr(message, field.name)
        if field.is_repeated:
            room.take(len(item), field)
            plain[field.name] = [_plain_item(field, one, room) for one in item]
        elif not field.has_presence or message.HasField(field.name):
            plain[field.name] = _plain_item(field, item, room)
    return plain


def _plain_item(field: Any, item: Any, room: _Room) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _plain(item, room)
    if field.type == FieldDescriptor.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(item)
        if known is None:
            return f"unknown value {item}"
        return str(known.name).removeprefix(enum_prefix(field.enum_type)).lower()
    return item
