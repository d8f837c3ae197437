"""Puts a baseline in order before anything is built of it or measured against it.

Each step is a file of its own that says what it finds, and a pure function from model to model. A
step after which the model would answer otherwise is left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from bitgauge.benchmarks.common.said import said

from . import constants, dims, doubles, functions, inputs, names, versions
from .base import NOTHING, OrderStep, OrderTerms

VERSION = 2
"""Raised when the same model would come out otherwise."""

STEPS = cast(
    "tuple[OrderStep, ...]", (names, inputs, functions, versions, constants, dims, doubles)
)
"""In the order in which they are taken: later ones rely on what earlier ones did."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A model in order.

    Attributes:
        model: the message.
        done: what was done, in few words each.
        left_out: what could not be done, each with its reason.
    """

    model: Any
    done: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def out_of_order(model: Any, wanted: OrderTerms = NOTHING) -> tuple[str, ...]:
    """What each step would do; empty for a model that stays as it is, byte for byte."""
    return tuple(filter(None, (step.finds(model, wanted) for step in STEPS)))


def put_in_order(
    model: Any, differs: Callable[[Any], str], wanted: OrderTerms = NOTHING
) -> Ordered:
    """The model after every step that leaves its answers as they were.

    Args:
        model: a message of the onnx package; it is not changed.
        differs: says in what a candidate answers otherwise than `model` does; empty: in nothing.
            What it raises is a reason too: a candidate that does not run.
        wanted: what is asked for beside the order.
    """
    now = model
    done: list[str] = []
    left: list[str] = []
    for step in STEPS:
        words = step.finds(now, wanted)
        if not words:
            continue
        try:
            candidate = step.taken(now, wanted)
            why = differs(candidate)
        except MemoryError:
            raise
        except Exception as error:  # libraries raise what they like; the step is left out
            left.append(left_out(words, said(error)))
            continue
        if why:
            left.append(left_out(words, why))
        else:
            now = candidate
            done.append(words)
    return Ordered(now, tuple(done), tuple(left))


def left_out(words: str, why: str) -> str:
    """What is said of a step that was not taken."""
    return f"{words}: left out, {why}"
