"""Processors of unlike kinds, by the files of the kernel's ABI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bitgauge.agents.host import cores
from bitgauge.agents.host.cores import CoreGroup
from bitgauge.benchmarks.vocabulary.errors import BadInput
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.trees import put

_CPUS = "sys/devices/system/cpu"
_A55, _A76 = "0x00000000412fd050", "0x00000000414fd0b0"


def test_big_and_little_cores_are_two_groups_the_larger_first(tmp_path: Path) -> None:
    put(tmp_path, f"{_CPUS}/online", "0-7\n")
    for cpu in range(8):
        put(tmp_path, f"{_CPUS}/cpu{cpu}/cpu_capacity", "414\n" if cpu < 4 else "1024\n")
        midr = _A55 if cpu < 4 else _A76
        put(tmp_path, f"{_CPUS}/cpu{cpu}/regs/identification/midr_el1", midr + "\n")
    assert cores.groups(tmp_path) == (
        CoreGroup("Cortex-A76", "4-7", 1024),
        CoreGroup("Cortex-A55", "0-3", 414),
    )


def test_like_cores_are_one_group(tmp_path: Path) -> None:
    put(tmp_path, f"{_CPUS}/online", "0-1,3\n")
    assert cores.groups(tmp_path) == (CoreGroup("unknown", "0-1,3"),)


def test_hybrid_x86_processors_are_told_by_their_units(tmp_path: Path) -> None:
    put(tmp_path, "sys/devices/cpu_core/cpus", "0-7\n")
    put(tmp_path, "sys/devices/cpu_atom/cpus", "8-15\n")
    assert [one.words for one in cores.groups(tmp_path)] == ["0-7 performance", "8-15 efficient"]


@given(st.sets(st.integers(0, 300), min_size=1))
def test_a_listing_and_back(cpus: set[int]) -> None:
    assert cores.cpus_of(cores.listed(cpus)) == tuple(sorted(cpus))


@pytest.mark.parametrize("listing", ["", "x", "9-", "1-0", "0-99999999999", str(1 << 15)])
def test_only_processors_that_are_there_can_be_kept_to(listing: str) -> None:
    mine = os.sched_getaffinity(0)
    with pytest.raises(BadInput, match="names no processors that this process may use"):
        cores.keep_to(listing)
    assert os.sched_getaffinity(0) == mine
