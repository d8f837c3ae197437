"""What a device may be called, and which device somebody means who names one.

An id is for ever and no name looks like one, so an exact id always wins.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from typing import NamedTuple

from .errors import BadInput, Code
from .values.devices import DeviceView

MAX_DEVICE_NAME = 64
"""Characters of a name."""

MAX_ALIASES = 16
"""Other names of one device."""

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_DEVICE_NAME - 1}}}")
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class NamedDevice(NamedTuple):
    """A device as far as it can be named; `living` unless it was retired or revoked."""

    device_id: str
    name: str
    living: bool = True
    aliases: tuple[str, ...] = ()


def named(view: DeviceView) -> NamedDevice:
    """How a device can be named that people see."""
    one = view.description
    return NamedDevice(one.device_id, one.name, not view.retired, one.aliases)


def is_id(word: str) -> bool:
    """Whether a word is a UUID, however it is written."""
    try:
        uuid.UUID(word)
    except ValueError:
        return False
    return True


def require_name(name: str) -> None:
    """Refuse what no device may be called.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    if not _NAME.fullmatch(name) or is_id(name):
        shown = f"{name[:MAX_DEVICE_NAME]}..." if len(name) > MAX_DEVICE_NAME else name
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{shown!r} is no name for a device: 1 to {MAX_DEVICE_NAME} letters, digits, dots,"
            " dashes and underscores, a letter or digit first, and no UUID. Start its agent with"
            " --name NAME.",
        )


def require_id(device_id: str) -> None:
    """Refuse what is no id of a device: somebody would mean another device by it.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    if not is_id(device_id) or str(uuid.UUID(device_id)) != device_id:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{device_id[:MAX_DEVICE_NAME]!r} is not the id of a device: a UUID in small letters.",
        )


def as_name(text: str) -> str:
    """A name made of a text that nobody chose as one, such as that of a host."""
    name = _ODD.sub("-", text).lstrip("._-")[:MAX_DEVICE_NAME]
    return name if name and not is_id(name) else f"device-{name}"[:MAX_DEVICE_NAME].rstrip("-")


def means(word: str, device_id: str, name: str, aliases: Collection[str] = ()) -> bool:
    """Whether a word names this device."""
    return word == device_id or (word in (name, *aliases) and not is_id(word))


def meant(word: str, known: Sequence[NamedDevice]) -> tuple[str, ...]:
    """The ids of the devices that a word names: its id, else a living one, else one that was."""
    if any(word == one.device_id for one in known):
        return (word,)
    named = [one for one in known if word in (one.name, *one.aliases)]
    living = [one for one in named if one.living]
    return tuple(sorted(one.device_id for one in living or named))
