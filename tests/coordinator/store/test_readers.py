"""Questions: from one moment, within a budget, in turns, and never in the way of a write."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.store import readers
from bitgauge.coordinator.store.readers import MAX_READERS, MAX_READERS_OF_ONE, Readers
from bitgauge.coordinator.store.sql.budget import Budget
from bitgauge.coordinator.store.sql.database import fetch
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.writer import Writer

from tests.labs.coordinator import SPEC

ENDLESS = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT count(*) FROM n"""
LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT * FROM n"
PATIENCE_S = 20.0


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    made = Writer()
    await made.open(lambda: Store.open(tmp_path / "store.db"))
    yield made
    await made.close()


def submitted(number: int) -> Callable[[Store], object]:
    spec = replace(SPEC, idempotency_key=f"k{number}")
    return lambda store: store.submit(f"job-{number}", spec, ModelClass.CNN, now_ns=1)


def held(gate: threading.Event) -> Callable[[Store], bool]:
    return lambda _: gate.wait(PATIENCE_S)


async def refused(asking: Awaitable[object]) -> BitgaugeError:
    with pytest.raises(BitgaugeError) as caught:
        await asking
    assert caught.value.code is Code.ASKED_TOO_MUCH
    return caught.value


async def test_a_question_sees_every_change_that_was_answered(writer: Writer) -> None:
    for number in range(5):
        await writer.change(submitted(number))
        assert len(await writer.ask(lambda store: store.jobs(), "ann")) == number + 1


async def test_a_question_sees_one_moment_and_holds_up_no_write(writer: Writer) -> None:
    await writer.change(submitted(0))
    looked, go_on = threading.Event(), threading.Event()

    def twice(store: Store) -> tuple[int, int]:
        before = len(store.jobs())
        looked.set()
        go_on.wait(PATIENCE_S)
        return before, len(store.jobs())

    asking = asyncio.create_task(writer.ask(twice, "ann"))
    await asyncio.to_thread(looked.wait, PATIENCE_S)
    await asyncio.wait_for(writer.change(submitted(1)), PATIENCE_S)
    go_on.set()
    assert await asking == (1, 1)
    assert len(await writer.ask(lambda store: store.jobs(), "ann")) == 2


async def test_a_reader_never_writes(writer: Writer) -> None:
    with pytest.raises(BitgaugeError, match="opened to read"):
        await writer.ask(submitted(0), "ann")
    assert await writer.ask(lambda store: store.jobs(), "ann") == ()


async def test_what_takes_too_long_is_stopped_and_the_next_is_answered(tmp_path: Path) -> None:
    Store.open(tmp_path / "store.db").close()
    asked = Readers(
        lambda: Store.open_readonly(tmp_path / "store.db"), lambda: Budget(longest_s=0.1)
    )

    def endless(store: Store) -> object:
        with store.reading("counting for ever") as connection:
            return fetch(connection, ENDLESS)

    began = time.monotonic()
    error = await refused(asked.ask(endless, "ann"))
    assert "takes too long" in error.sentence
    assert time.monotonic() - began < PATIENCE_S
    assert await asked.ask(lambda store: store.jobs(), "ann") == ()
    await asked.close()


async def test_what_holds_too_much_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path / "store.db").close()
    asked = Readers(
        lambda: Store.open_readonly(tmp_path / "store.db"), lambda: Budget(kept_bytes=1 << 20)
    )

    def texts_of(count: int) -> Callable[[Store], int]:
        def work(store: Store) -> int:
            with store.reading("reading much") as connection:
                return len(fetch(connection, f"SELECT printf('%.*c', {count}, 'x') FROM ({LONG})"))

        return work

    assert await asked.ask(texts_of(100), "ann") == 5000
    error = await refused(asked.ask(texts_of(1000), "ann"))
    assert error.sentence == "The answer needs more than 1 MiB of the database."
    assert await asked.ask(texts_of(1000), "") == 5000  # the coordinator itself
    await asked.close()


async def test_one_caller_leaves_a_reader_to_others_and_may_not_queue_for_ever(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MAX_WAITING_QUESTIONS", 3)
    gate = threading.Event()
    hog = [
        asyncio.create_task(writer.ask(held(gate), "mallory"))
        for _ in range(MAX_READERS_OF_ONE + 3)
    ]
    await asyncio.sleep(0.05)
    error = await refused(writer.ask(held(gate), "mallory"))
    assert "3 questions of mallory wait" in error.sentence
    for _ in range(2 * MAX_READERS):
        assert await asyncio.wait_for(writer.ask(lambda s: s.jobs(), "ann"), PATIENCE_S) == ()
    gate.set()
    assert await asyncio.gather(*hog) == [True] * len(hog)


async def test_a_question_that_nobody_waits_for_is_stopped(writer: Writer) -> None:
    began = threading.Event()

    def endless(store: Store) -> object:
        began.set()
        with store.reading("counting for ever") as connection:
            return fetch(connection, ENDLESS)

    tasks = [asyncio.create_task(writer.ask(endless, "ann")) for _ in range(MAX_READERS + 2)]
    await asyncio.to_thread(began.wait, PATIENCE_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await asyncio.wait_for(writer.ask(lambda s: s.jobs(), "ann"), PATIENCE_S) == ()


async def test_agents_come_first_on_the_thread_that_writes(writer: Writer) -> None:
    gate, order = threading.Event(), list[str]()

    def note(name: str) -> Callable[[Store], None]:
        return lambda _: order.append(name)

    first = [asyncio.create_task(writer.call(held(gate))) for _ in range(2)]
    others = [asyncio.create_task(writer.call(note("other"))) for _ in range(5)]
    await asyncio.sleep(0.01)
    renewals = [asyncio.create_task(writer.call(note("agent"), first=True)) for _ in range(2)]
    await asyncio.sleep(0.01)
    others[-1].cancel()
    gate.set()
    await asyncio.gather(*first, *others[:-1], *renewals)
    assert order == ["agent"] * 2 + ["other"] * 4
    assert await writer.call(lambda _: "still there") == "still there"
