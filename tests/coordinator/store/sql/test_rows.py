"""Values to rows and back, by the names of their fields."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import Scenario
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.store.sql.database import columns, translated, value


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    made: Digest | None
    scenario: Scenario
    sound: bool
    items: tuple[StackItem, ...] = ()
    ratio: float | None = None
    note: str | None = None
    word: Scenario | None = None


WHOLE = Thing(
    "a",
    Digest("ab", 3),
    Scenario.SINGLE_STREAM,
    sound=True,
    items=(StackItem("x", "y"),),
    ratio=0.5,
)


def row_of(told: dict[str, object]) -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    names = ", ".join(f'? AS "{name}"' for name in told)
    row: sqlite3.Row = connection.execute(f"SELECT {names}", tuple(told.values())).fetchone()
    return row


@pytest.mark.parametrize(
    "thing",
    [WHOLE, replace(WHOLE, made=None, sound=False, items=(), word=Scenario.SINGLE_STREAM)],
    ids=["whole", "sparse"],
)
def test_a_value_comes_back_from_its_columns(thing: Thing) -> None:
    told = columns(thing)
    assert {type(one) for one in told.values()} <= {str, int, float, type(None)}
    assert value(Thing, row_of(told)) == thing


def test_what_is_given_counts_before_a_column_and_a_column_before_the_default() -> None:
    told = columns(WHOLE, "name", "made", "scenario", "sound")
    assert [*told] == ["name", "made_sha256", "made_size_bytes", "scenario", "sound"]
    found = value(Thing, row_of({**told, "note": "n", "other": 1}), name="b")
    assert found == replace(WHOLE, name="b", note="n", items=(), ratio=None)


def test_a_column_that_holds_no_such_value_is_damage() -> None:
    told = {**columns(WHOLE), "items": "[1]"}
    with pytest.raises(BitgaugeError) as raised, translated("store.db", "reading a thing"):
        value(Thing, row_of(told))
    assert raised.value.code is Code.STORE_DAMAGED
