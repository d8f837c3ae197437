"""What a program of this machine needs to know to carry a child to one phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ._adb import Phone, phone
from ._parts import PhonePart, code, packages
from ._shelf import FOLDER, install


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a phone, as it was when the agent started.

    Attributes:
        name: what names the phone for ever.
        port: of adb's server.
        python: the program that runs our code there.
        packages: folder with packages for it; empty where there are none.
        parts: names of the parts that it was given.
        patience: how many times longer it is waited for.
    """

    name: str
    port: int
    python: str
    packages: str = ""
    parts: tuple[str, ...] = ()
    patience: float = 1.0

    def word(self) -> str:
        """As one word of a command."""
        return msgspec.json.encode(self).decode()

    def phone(self) -> Phone:
        """The phone, where it can be used now.

        Raises:
            Unavailable: it cannot, and why.
        """
        return replace(phone(self.name, self.port), patience=self.patience)

    def given(self, here: Phone, there: frozenset[str]) -> Route:
        """Brings the parts that the phone lacks; the route with those that it has now.

        Args:
            here: the phone.
            there: names of the parts that it has.
        """
        if self.parts and there.issuperset(self.parts):
            return self
        parts = made(self.packages)
        install(here, parts, there)
        return replace(self, parts=tuple(one.name for one in parts))

    @property
    def path(self) -> str:
        """Where the phone's Python finds the parts."""
        return ":".join(f"{FOLDER}/parts/{one}" for one in self.parts)


def route(word: str) -> Route:
    """The route in a word of a command."""
    return msgspec.json.decode(word, type=Route)


def made(folder: str) -> Sequence[PhonePart]:
    """The parts that phones of one Python are given."""
    own = packages(Path(folder)) if folder else None
    return (code(),) if own is None else (code(), own)
