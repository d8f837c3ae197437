"""A latency beyond the anchors is measured once more, beside a fresh reading of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import cast

import pytest
from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.connection.connection import Connection
from bitgauge.agents.connection.outbox import Outbox
from bitgauge.agents.connection.transfer import Transfer
from bitgauge.agents.execution.bench import Bench
from bitgauge.agents.execution.doubt import doubted, read_afresh
from bitgauge.agents.execution.probing import ProbeFailed
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.analysis.bounds import bounds_of, is_beyond, least_ns
from bitgauge.benchmarks.common.plugins import Found
from bitgauge.benchmarks.numerics.ledger import Ledger, OperatorRow
from bitgauge.benchmarks.raw.anchors import FP32, READING, as_items, from_items, peak_name
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from tests.labs.values import device

RUNTIME = "onnxruntime"
ONE_MILLION = OperatorRow("mm", "MatMul", "float", "f32", "f32", True, 1_000_000, 64, "y")
READ = as_items({peak_name(FP32, 1): 100e9, READING: 1.0})
HIGHER = as_items({peak_name(FP32, 1): 130e9, READING: 2.0})
LIMIT_NS = 2e6 / 105e9 * 1e9
"""Two operations for each multiplication, at the anchor and 5 % more."""


async def no_launch(*_: object) -> ChildExit:
    raise AssertionError("nothing is measured here")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    runtime = RuntimeDescription(RUNTIME, "1", anchors=READ)
    return Bench(
        device=device("box", runtimes=(runtime,)),
        kind="cpu",
        unit="",
        runtimes=Found("runtimes"),
        plugins=(),
        connection=cast(Connection, None),
        transfer=cast(Transfer, None),
        spool=Spool(tmp_path),
        outbox=cast(Outbox, None),
        folder=tmp_path,
        limits=PhaseLimits(),
        say=lambda _line: None,
        launch=no_launch,
        sandbox="rlimits",
    )


SOME = Digest("ab" * 32, 1)
MADE = [
    RawRef(PassName.ABSOLUTE, launch, role, SOME)
    for role, launches in ((RawRole.CANDIDATE, 2), (RawRole.BASELINE, 7))
    for launch in range(launches)
]
"""Two launches of its own, and those of the baseline."""


@pytest.mark.parametrize(
    ("median_ns", "least_ns", "launch"),
    [(None, 9.0, None), (0.0, 9.0, None), (9.0, 9.0, None), (8.9, 9.0, 2), (8.9, 0.0, None)],
)
def test_what_is_beyond_is_launched_again_as_the_next_of_its_own(
    median_ns: float | None, least_ns: float, launch: int | None
) -> None:
    assert doubted(MADE, median_ns, least_ns) == launch


@pytest.mark.parametrize("share", [0.99, 1.01])
def test_the_least_latency_is_where_the_analysis_begins_to_doubt(share: float) -> None:
    ledger = Ledger(samples=8, exposure="all", operators=(ONE_MILLION,))
    bounds = bounds_of(ledger, from_items(READ), Workload())
    assert least_ns(bounds) == pytest.approx(LIMIT_NS)
    assert is_beyond(bounds, share * LIMIT_NS) is (share < 1)
    assert least_ns(bounds_of(None, from_items(READ), Workload())) == 0


async def test_a_fresh_reading_is_what_later_launches_are_given(bench: Bench) -> None:
    asked = []

    async def read(runtime: str) -> tuple[StackItem, ...]:
        asked.append(runtime)
        return HIGHER

    fresh = dataclasses.replace(bench, read_again=read)
    assert fresh.anchors(RUNTIME) == READ
    assert await read_afresh(fresh, RUNTIME)
    assert (asked, fresh.anchors(RUNTIME)) == ([RUNTIME], HIGHER)


async def test_a_reading_that_fails_leaves_the_old_one(bench: Bench) -> None:
    said: list[str] = []

    async def read(_runtime: str) -> tuple[StackItem, ...]:
        raise ProbeFailed("its child did not end.")

    failing = dataclasses.replace(bench, read_again=read, say=said.append)
    assert not await read_afresh(failing, RUNTIME)
    assert failing.anchors(RUNTIME) == READ
    assert said == ["The anchors of onnxruntime were not read again: its child did not end."]
    assert not await read_afresh(bench, RUNTIME), "a bench that cannot read gives none"
