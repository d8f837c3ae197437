"""Three figures of a card's memory, each of its own key, none mixed with the host's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.memory import memory_raw, memory_samples
from bitgauge.benchmarks.samples import MemoryCheckpoint, MemorySamples
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.raw_files import FACTS
from tests.labs.values import detail, origin

MIB = 1 << 20
KEYS = ("device_memory_bytes", "device_context_bytes", "allocator_peak_bytes")
CARD = replace(FACTS, on_card=True)


def raw(
    number: int,
    own: tuple[int, ...] = (),
    *,
    role: RawRole = RawRole.CANDIDATE,
    reason: str = "",
    allocator: dict[str, int] | None = None,
) -> RawFile:
    points = [
        MemoryCheckpoint(f"m{at}", *(n * MIB for n in (40, 40, 7, 40, 40, 40 + at)))
        for at in range(4)
    ]
    samples = MemorySamples(
        checkpoints=tuple(points),
        device_peak_bytes=own,
        card_peak_bytes=tuple(500 * MIB + one for one in own),
        device_reason=reason,
        allocator_peak_bytes=allocator or {},
    )
    return memory_raw(origin(PassName.MEMORY, role, number), samples)


def found(*raws: RawFile) -> dict[str, MetricValue]:
    return {one.key: one for one in analyse(raws, CARD)}


def test_each_figure_stands_alone() -> None:
    told = found(
        raw(0, (0, 600 * MIB, 900 * MIB, 700 * MIB), allocator={"reserved": 300, "allocated": 200}),
        raw(1, (0, 950 * MIB, 800 * MIB, 999 * MIB), allocator={"allocated": 210, "reserved": 290}),
        raw(0, (0, 400 * MIB, 410 * MIB, 410 * MIB), role=RawRole.FLOOR),
    )
    need, context, allocator = (told[key] for key in KEYS)
    assert (need.value, need.low, need.high) == (950 * MIB, 900 * MIB, 950 * MIB)
    assert "peak_sampled" in need.flags
    assert detail(need)["context_bytes"] == str(410 * MIB), "shown, and not taken off"
    assert context.value == 410 * MIB
    assert (allocator.value, detail(allocator)["allocated_bytes"]) == (300, "210")
    assert told["peak_memory_bytes"].value == 2 * MIB, "the host's is the host's"


@pytest.mark.parametrize("reason", ["hidden_process", "uncounted_memory", "not_readable"])
def test_what_is_not_told_is_null_and_the_card_bounds_it(reason: str) -> None:
    need, context, allocator = (found(raw(0, (0, 0, 0, 0), reason=reason))[key] for key in KEYS)
    assert (need.value, need.reason) == (None, reason)
    assert detail(need)["card_grew_bytes"] == "0"
    assert (context.reason, allocator.reason) == ("pass_missing", "no_allocator")


def test_a_device_without_a_card_has_none_of_them() -> None:
    keys = [one.key for one in analyse([raw(0)], FACTS)]
    assert not set(KEYS) & set(keys)
    assert set(KEYS) <= {one.key for one in analyse([raw(0)], CARD)}


def test_raw_files_of_before_say_that_it_was_not_recorded() -> None:
    whole = raw(0, (0, 1, 2, 3))
    older = {
        name: value
        for name, value in whole.meta.items()
        if name
        not in ("device_peak_bytes", "card_peak_bytes", "device_reason", "allocator_peak_bytes")
    }
    assert found(RawFile(older, whole.arrays))["device_memory_bytes"].reason == "not_recorded"


@pytest.mark.parametrize(
    "lie",
    [
        {"device_peak_bytes": [1]},
        {"card_peak_bytes": [1, 2, 3, -4]},
        {"device_reason": "because"},
        {"allocator_peak_bytes": {"reserved": -1}},
    ],
)
def test_a_raw_file_is_not_believed(lie: dict[str, object]) -> None:
    whole = raw(0, (0, 1, 2, 3))
    with pytest.raises(BadInput):
        memory_samples(RawFile(whole.meta | lie, whole.arrays))
