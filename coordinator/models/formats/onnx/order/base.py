"""What every step of the order offers, and what a user may ask for beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What a user asks for that the file itself does not.

    Attributes:
        float32: doubles become float32.
        dims: sizes of named axes, sorted by name.
    """

    float32: bool = False
    dims: tuple[tuple[str, int], ...] = ()


NOTHING = OrderTerms()


class LeftOut(Exception):
    """A step that cannot be taken with this model; the text says why, in a few words."""


class OrderStep(Protocol):
    """One step. Models are messages of the onnx package (untyped); none is changed in place."""

    def finds(self, model: Any, wanted: OrderTerms) -> str:
        """What is not in order, in a few words; empty when everything is."""
        ...

    def taken(self, model: Any, wanted: OrderTerms) -> Any:
        """The model after the step, where it found something.

        Raises:
            LeftOut: it cannot be taken.
            Exception: whatever the libraries raise.
        """
        ...


def copy_of(model: Any) -> Any:
    """A model of its own with the same content."""
    copy = type(model)()
    copy.CopyFrom(model)
    return copy
