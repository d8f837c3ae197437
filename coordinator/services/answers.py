"""How people's questions are answered: by a reader, packed there too, and no more than a message.

A client takes messages of 4 MiB, as gRPC has it; what is larger is refused in one sentence here,
before it is made in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from google.protobuf.message import Message

from ..access.access import caller
from ..store.store import Store
from ..store.writer import Writer

A = TypeVar("A", bound=Message)

MAX_ANSWER_BYTES = 4 << 20
LISTED = 50
"""Of what is listed when nobody says how many."""


async def answered(writer: Writer, answer: Callable[[Store], A]) -> A:
    """What a reader answers the caller.

    Args:
        writer: the store at work.
        answer: the question, which packs its answer too: neither is done on the event loop.

    Raises:
        Refused: `ASKED_TOO_MUCH`.
    """

    def work(store: Store) -> A:
        found = answer(store)
        _require_size(found.ByteSize())
        return found

    return await writer.ask(work, caller().name)


def listed(answer: A, values: Iterable[object]) -> A:
    """`answer`, whose one field is a list, with these values.

    Raises:
        Refused: `ASKED_TOO_MUCH`.
    """
    (field,) = answer.DESCRIPTOR.fields
    target, size_bytes = getattr(answer, field.name), 0
    for value in values:
        one = to_wire(value)
        size_bytes += one.ByteSize()
        _require_size(size_bytes)
        target.append(one)
    return answer


def _require_size(size_bytes: int) -> None:
    if size_bytes > MAX_ANSWER_BYTES:
        raise Refused(
            Code.ASKED_TOO_MUCH,
            f"The answer is larger than {MAX_ANSWER_BYTES >> 20} MiB, which is what one message"
            " holds.",
        )
