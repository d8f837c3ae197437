"""The system call filter, run by a small interpreter of classic BPF."""

from __future__ import annotations

import struct
from typing import cast

import pytest
from bitgauge.benchmarks.sandbox import seccomp


def verdict(machine: str, architecture: int, number: int) -> int:
    code = seccomp.program(machine)
    lines = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    data, at, loaded = {0: number, 4: architecture}, 0, 0
    while True:
        kind, yes, no, value = lines[at]
        at += 1
        if kind == 0x20:
            loaded = data[value]
        elif kind == 0x15:
            at += yes if loaded == value else no
        elif kind == 0x35:
            at += yes if loaded >= value else no
        else:
            return cast(int, value)


@pytest.mark.parametrize(
    ("machine", "architecture", "refused", "passed"),
    [
        ("x86_64", 0xC000003E, (41, 42, 90, 101, 272, 425, 0x40000001), (0, 1, 9, 53, 56, 202)),
        ("aarch64", 0xC00000B7, (198, 203, 53, 117, 97, 425), (63, 64, 222, 199, 220, 98)),
    ],
)
def test_the_filter_refuses_what_it_says(
    machine: str, architecture: int, refused: tuple[int, ...], passed: tuple[int, ...]
) -> None:
    allow = {verdict(machine, architecture, number) for number in passed}
    refuse = {verdict(machine, architecture, number) for number in refused}
    assert (allow, refuse) == ({0x7FFF0000}, {0x00050001})
    assert verdict(machine, 0x40000003, passed[0]) == 0x00050001, "another architecture"
