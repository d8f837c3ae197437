"""What a graphics card tells of each block: kept, drawn, summed up in the record, and judged."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.surroundings import surrounding_flags
from bitgauge.benchmarks.raw.container import write_raw
from bitgauge.benchmarks.record.build import build
from bitgauge.benchmarks.samples import OF_CARDS
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from tests.labs.conditions import conditions
from tests.labs.record import raw_files, sources, stored

TOLD = {
    "memory_clock_mhz": 2619.0,
    "power_mw": 350_000.0,
    "performance_state": 0.0,
    "foreign_processes": 1.0,
    "thermal_slowdown_ns": 2e6,
    "power_slowdown_ns": 0.0,
}
ROWS = (
    *("clock of the card's memory, MHz", "power of the card, W", "other processes on the card"),
    *("slowed down by heat in the block, ms", "performance state of the card, 0 the fastest"),
)


def on_a_card(folder: Path) -> dict[RawRef, bytes]:
    """The raw files of a run whose absolute launches were on a card."""
    found = {}
    for ref, raw in raw_files().items():
        if ref.pass_name is PassName.ABSOLUTE:
            blocks = raw.arrays["clock_mhz"].size
            raw.arrays.update({name: np.full(blocks, value) for name, value in TOLD.items()})
        path = folder / "one.npz"
        write_raw(path, raw)
        data = path.read_bytes()
        digest = Digest(hashlib.sha256(data).hexdigest(), len(data))
        found[replace(ref, digest=digest)] = data
    return found


def test_the_record_sums_them_up_and_another_device_has_none(tmp_path: Path) -> None:
    told = build(sources(on_a_card(tmp_path))).environment
    assert told.memory_clock_min_mhz.value == 2619
    assert told.power_max_w.value == 350
    assert told.performance_state_max.value == 0
    assert told.foreign_processes_max.value == 1
    assert told.thermal_slowdown_ms.value == pytest.approx(3 * 120 * 2)
    assert told.power_slowdown_ms.value == 0
    assert told.sync_slowdown_ms.reason == "not_readable"
    assert build(sources({})).environment.power_max_w.reason == "pass_missing"


def test_they_are_drawn_where_they_were_read_and_nowhere_else(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    from bitgauge.coordinator.exports.report import series

    def rows(files: dict[RawRef, bytes]) -> set[str]:
        told = sources(files).absolute()
        data = series.condition_rows([series.timed_absolute("A", one) for one in told])
        assert data is not None
        assert not any("card" in name for name in data.unread)
        return {row.label for row in data.rows}

    assert set(ROWS) <= rows(on_a_card(tmp_path))
    assert not set(ROWS) & rows(stored(tmp_path))


def test_somebody_else_on_the_card_flags_the_run() -> None:
    spent = np.full(5, 1e7)
    alone = conditions(5, foreign_processes=0.0)
    assert surrounding_flags(alone, spent) == ()
    shared = replace(alone, foreign_processes=np.array([0, 0, 2.0, np.nan, 0]))
    assert surrounding_flags(shared, spent) == ("foreign_load",)
    assert surrounding_flags(conditions(5), spent) == (), "not told is not there"


def test_every_condition_of_a_card_has_a_row() -> None:
    pytest.importorskip("matplotlib")
    from bitgauge.coordinator.exports.report.series import _OF_A_CARD

    assert {name for name, _, _ in _OF_A_CARD} == set(OF_CARDS)
