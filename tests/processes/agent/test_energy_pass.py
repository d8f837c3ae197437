"""Pass `energy` through real children with a meter that replays a trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from bitgauge.agents.spec import TRACE_VARIABLE
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.energy import energy_samples
from bitgauge.benchmarks.samples import CANDIDATE
from bitgauge.benchmarks.stats.energy import MAX_DISAGREEMENT, disagreement, why_unusable
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RunStatus
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

from tests.labs.agent import PLUGINS, Lab, fake_artifact, open_lab

TICK_NS = 5_000_000
SHORT = Overrides(warmup_ms=20, launches=1, budget_ms=60)
STEADY: list[tuple[float, float | None]] = [
    (number / 200, 40.0 * number) for number in range(2_001)
]  # 8 W, new every 5 ms


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path, plugins=(PLUGINS,)) as made:
        yield made


EIGHT_W = [(0.0, 8_000.0), (600.0, 8_000.0)]
SECOND = {
    "is_counter": False,
    "update_period_ns": TICK_NS,
    "points": [(0.0, 4_500.0), (600.0, 4_500.0)],
}

# What else a meter may do is looked at on values, in tests/benchmarks/stats/test_energy.py.
TRACES: dict[str, tuple[list[tuple[float, float | None]], str, int]] = {
    "steady": (STEADY, "", 15),
    "vanishes": ([*STEADY[:80], (0.4, None), (600.0, None)], "meter_lost", 15),
    "not ours": (STEADY, "no_permission", 15),
    "differs": (STEADY, "", 15),
    "sees a part": (STEADY, "", 19),
}


@pytest.mark.parametrize("name", TRACES)
async def test_a_meter_that_fails_costs_nothing_but_the_energy(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    points, problem, windows = TRACES[name]
    further: dict[str, dict[str, object]] = {
        "not ours": {"forbidden_from_s": 0.4},
        "differs": {"second": SECOND},
        "sees a part": {
            "averaging_window_ns": TICK_NS // 4,
            "second": SECOND | {"points": EIGHT_W},
        },
    }
    trace = tmp_path / "trace.json"
    trace.write_bytes(
        msgspec.json.encode(
            {
                "is_counter": True,
                "update_period_ns": TICK_NS,
                "points": points,
            }
            | further.get(name, {})
        )
    )
    monkeypatch.setenv(TRACE_VARIABLE, str(trace))
    artifact = fake_artifact(latency_ns=300_000)
    passes = (PassName.QUALITY, PassName.ENERGY)
    lab.assignment(
        [artifact, artifact],
        runtime="odd",
        overrides=SHORT,
        passes=passes,
        profile=Profile.STANDARD,
    )
    async with lab.agent():
        reports = await lab.reports(2, 60)
    for report in reports:
        assert report.status is RunStatus.MEASURED, report.failure
        assert {ref.pass_name for ref in report.raw} == set(passes)
    (ref,) = (ref for ref in reports[1].raw if ref.pass_name is PassName.ENERGY)
    samples = energy_samples(read_raw(lab.coordinator.blobs[ref.digest.sha256]))
    assert samples.kind == "simulated"
    assert samples.problem == problem
    assert (samples.letter.size == windows) == (not problem)
    # The budget is far too short for the meter, so that no joules come of these windows.
    assert why_unusable(samples, CANDIDATE) == (problem or "window_too_short")
    assert samples.meter == "replay"
    if not problem:
        assert samples.power_mw == pytest.approx(8_000.0, rel=0.2)
    apart = disagreement(samples, CANDIDATE)
    assert (apart is not None) == ("second" in further.get(name, {}))
    assert samples.second_meter == ("replay power" if apart else "")
    if apart is not None:
        assert (apart.relative > MAX_DISAGREEMENT) == (name == "differs")
    assert samples.scattered == (name == "sees a part")


async def test_without_a_meter_no_such_pass_is_made(lab: Lab) -> None:
    artifact = fake_artifact(latency_ns=300_000)
    passes = (PassName.QUALITY, PassName.ENERGY)
    lab.assignment(
        [artifact], runtime="odd", overrides=SHORT, passes=passes, profile=Profile.STANDARD
    )
    async with lab.agent():
        (report,) = await lab.reports(1, 60)
    assert {ref.pass_name for ref in report.raw} == {PassName.QUALITY}
    (device,) = lab.coordinator.devices
    assert all(one.quantity != "energy" or one.reason for one in device.meters)
