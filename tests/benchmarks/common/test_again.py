"""A call made again while it cannot be answered: how often, how long, and what ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from bitgauge.benchmarks.common.again import Again
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Unavailable

AWAY = Unavailable(Code.UNREACHABLE, "Nobody answers.")
WRONG = BadInput(Code.BAD_ARGUMENT, "That is wrong.")

Call = Callable[[Again], str]


class Line:
    """Answers in turn with errors, then with a text."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.asked = 0

    def ask(self) -> str:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "here"

    async def ask_async(self) -> str:
        return self.ask()

    def by(self, kind: str, again: Again) -> str:
        if kind == "blocking":
            return again.call_blocking(self.ask)
        return asyncio.run(again.call(self.ask_async))


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses, which take no time here."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


KINDS = pytest.mark.parametrize("kind", ["blocking", "async"])


@KINDS
def test_it_is_asked_until_it_answers(kind: str, slept: list[float]) -> None:
    line = Line(*[AWAY] * 40)
    assert line.by(kind, Again(0.25, 8.0)) == "here"
    assert line.asked == 41
    assert len(slept) == 40


@KINDS
def test_pauses_double_and_are_cut_by_up_to_a_half(kind: str, slept: list[float]) -> None:
    for _ in range(30):
        Line(*[AWAY] * 8).by(kind, Again(0.25, 8.0))
    for index in range(8):
        most = min(0.25 * 2**index, 8.0)
        found = slept[index::8]
        assert all(most / 2 <= pause <= most for pause in found)
        assert len(set(found)) > 20


@KINDS
def test_the_last_error_is_raised_and_each_pause_is_told(kind: str, slept: list[float]) -> None:
    last = Unavailable(Code.UNREACHABLE, "Still nobody answers.")
    line, told = Line(AWAY, AWAY, last, AWAY), list[BaseException]()
    with pytest.raises(Unavailable) as caught:
        line.by(kind, Again(1.0, attempts=3, say=told.append))
    assert caught.value is last
    assert line.asked == 3
    assert told == [AWAY, AWAY]
    assert len(slept) == 2


@KINDS
@pytest.mark.parametrize("error", [WRONG, KeyError("x"), KeyboardInterrupt()])
def test_another_error_ends_it_at_once(kind: str, error: BaseException, slept: list[float]) -> None:
    line = Line(error)
    with pytest.raises(type(error)) as caught:
        line.by(kind, Again(1.0))
    assert caught.value is error
    assert line.asked == 1
    assert slept == []


async def test_a_cancellation_is_not_swallowed() -> None:
    waits = asyncio.Event()

    async def hang() -> None:
        waits.set()
        await asyncio.Event().wait()

    for attempt in (hang, Line(*[AWAY] * 1000).ask_async):
        task = asyncio.create_task(Again(60.0).call(attempt))
        if attempt is hang:
            await waits.wait()
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_calls_at_once_do_not_count_for_each_other() -> None:
    again = Again(0.001, attempts=3)
    lines = [Line(AWAY, AWAY) for _ in range(5)]
    assert await asyncio.gather(*(again.call(line.ask_async) for line in lines)) == ["here"] * 5
