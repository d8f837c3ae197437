"""Times of a device stand under keys of their own, and no latency of the host becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from bitgauge.benchmarks.raw.absolute import absolute_raw, absolute_samples
from bitgauge.benchmarks.raw.container import RawFile, read_raw, write_raw
from bitgauge.benchmarks.samples import DeviceTimes
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.raw_files import FACTS, absolute
from tests.labs.rooms.raw_files import by_key as of_facts
from tests.labs.values import detail, origin

MS = 1_000_000
CARD = replace(FACTS, on_card=True)


def by_key(raws: Sequence[RawFile]) -> dict[str, MetricValue]:
    return of_facts(raws, CARD)


def told(
    device_ns: float, enqueue_ns: float, launch: int = 0, *, latency_ns: float = 4 * MS
) -> RawFile:
    """A launch in which the device told of its calls."""
    plain = absolute(latency_ns, launch)
    samples, cold = absolute_samples(plain)
    n, rng = samples.latency_ns.size, np.random.default_rng(launch)
    noise = np.exp(rng.normal(0, 0.01, (2, n)))
    device, enqueue = (noise.T * (device_ns, enqueue_ns)).T.astype(np.int64)
    times = DeviceTimes(device, enqueue, samples.block)
    raw = absolute_raw(
        origin(PassName.ABSOLUTE, RawRole.CANDIDATE, launch), replace(samples, device=times), cold
    )
    return RawFile({**plain.meta, **raw.meta, "device_cache": "warm"}, raw.arrays)


def test_both_clocks_stand_side_by_side_through_the_file(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw.npz", told(2 * MS, MS))
    found = by_key([read_raw(tmp_path / "raw.npz")])
    assert found["latency_p50_ns"].value == pytest.approx(4 * MS, rel=0.01)
    device = found["device_p50_ns"]
    assert device.value == pytest.approx(2 * MS, rel=0.01)
    assert found["enqueue_p50_ns"].value == pytest.approx(MS, rel=0.01)
    assert device.low is not None
    assert device.high is not None
    assert device.low < device.high
    assert "enqueue_bound" not in device.flags
    assert float(detail(device)["enqueue_share"]) == pytest.approx(0.5, rel=0.02)
    assert "device_time_unchecked" not in detail(found["latency_p50_ns"])


def test_a_host_that_hands_over_too_slowly_is_flagged() -> None:
    assert "enqueue_bound" in by_key([told(MS, 0.9 * MS)])["device_p50_ns"].flags
    assert "enqueue_bound" not in by_key([told(MS, 0.7 * MS)])["device_p50_ns"].flags


def test_a_latency_of_the_host_is_never_shown_as_the_devices() -> None:
    """Also where one launch alone lacks what the device told."""
    for raws in ([absolute(4 * MS, 0)], [told(2 * MS, MS, 0), absolute(4 * MS, 1)]):
        found = by_key(raws)
        assert found["latency_p50_ns"].value is not None
        for key in ("device_p50_ns", "enqueue_p50_ns"):
            assert (found[key].value, found[key].reason) == (None, "no_device_clock")


def test_a_device_cannot_take_longer_than_what_passed_around_it() -> None:
    assert "impossible" in by_key([told(5 * MS, MS)])["device_p50_ns"].flags
    cold = told(5 * MS, MS)
    cold.meta["device_cache"] = "cold"
    found = by_key([cold])["device_p50_ns"]
    assert "impossible" not in found.flags
    assert detail(found)["cache"] == "emptied before each call"


def test_blocks_that_do_not_count_take_their_device_times_along() -> None:
    raw = told(2 * MS, MS)
    blocks = raw.arrays["block_start_ns"].size
    slowed = np.zeros(blocks)
    slowed[3] = 5e6
    device = raw.arrays["device_ns"].copy()
    device[raw.arrays["device_block"] == 3] *= 1000
    arrays = {**raw.arrays, "power_slowdown_ns": slowed, "device_ns": device}
    found = by_key([RawFile(raw.meta, arrays)])["device_p50_ns"]
    assert "discarded_blocks" in found.flags
    assert found.n == raw.arrays["device_ns"].size - 5


@pytest.mark.parametrize(
    "damage",
    [
        {"enqueue_ns": None},
        {"enqueue_ns": np.zeros(3, np.int64)},
        {"device_block": np.full(1000, 7_000, np.int64)},
        {"device_ns": np.full(1000, -1, np.int64)},
    ],
)
def test_a_file_that_does_not_hold_them_whole_is_refused(
    damage: dict[str, npt.NDArray[np.int64] | None],
) -> None:
    raw = told(2 * MS, MS)
    arrays = {**raw.arrays, **damage}
    with pytest.raises(BadInput):
        absolute_samples(RawFile(raw.meta, {k: v for k, v in arrays.items() if v is not None}))
