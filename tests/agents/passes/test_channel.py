"""The child's end of the pipe."""

from __future__ import annotations

import os
import time

import pytest
from bitgauge.agents.passes._channel import Channel
from bitgauge.agents.spec import BUILD, decode_event


def test_gaps_are_rare_and_wait_for_the_agent() -> None:
    events, wrote = os.pipe()
    read, acks = os.pipe()
    os.write(acks, b"\n\n")
    channel = Channel(wrote, read, gap_every_ns=20_000_000)
    for _ in range(100):
        channel.gap()
    time.sleep(0.025)
    channel.gap()
    channel.gap()
    event = decode_event(os.read(events, 1000).strip())
    assert event is not None
    assert event.kind == "gap"
    assert event.hold_ms >= 25
    os.close(acks)
    time.sleep(0.025)
    os.read(read, 1)
    with pytest.raises(SystemExit):
        channel.gap()
    for descriptor in (events, wrote, read):
        os.close(descriptor)


def test_each_phase_is_timed_from_when_the_launch_was_asked_for() -> None:
    _, wrote = os.pipe()
    read, _ = os.pipe()
    asked_ns = time.monotonic_ns() - 3_000_000_000
    channel = Channel(wrote, read, began_ns=asked_ns)
    channel.phase("load")
    time.sleep(0.02)
    channel.phase("measure")
    channel.phase("load")
    assert 3.0 <= channel.spent_ns["start"] / 1e9 < 60
    assert channel.spent_ns["load"] >= 20_000_000
    assert set(channel.spent_ns) == {"start", "load", "measure"}


def test_a_build_is_told_as_a_gap_of_its_own_kind() -> None:
    events, wrote = os.pipe()
    read, acks = os.pipe()
    os.write(acks, b"\n")
    channel = Channel(wrote, read, gap_every_ns=20_000_000)
    channel.building(0.1)
    time.sleep(0.025)
    channel.building(0.4)
    channel.building(0.5)
    event = decode_event(os.read(events, 1000).strip())
    assert event is not None
    assert (event.kind, event.phase, event.fraction) == ("gap", BUILD, 0.4)
    os.close(acks)
    time.sleep(0.025)
    with pytest.raises(SystemExit):
        channel.building(0.6)
    for descriptor in (events, wrote, read):
        os.close(descriptor)
