"""The system call filter, run by a small interpreter of classic BPF."""

from __future__ import annotations

import struct
from typing import cast

import pytest
from bitgauge.benchmarks.sandbox import seccomp


def verdict(
    machine: str, architecture: int, number: int, *arguments: int, step: bool = False
) -> int:
    code = seccomp.program(machine, step=step)
    lines = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    data, at, loaded = {0: number, 4: architecture}, 0, 0
    data |= {16 + 8 * at: value for at, value in enumerate(arguments)}
    while True:
        kind, yes, no, value = lines[at]
        at += 1
        if kind == 0x20:
            loaded = data[value]
        elif kind == 0x15:
            at += yes if loaded == value else no
        elif kind == 0x35:
            at += yes if loaded >= value else no
        elif kind == 0x54:
            loaded &= value
        elif kind == 0x05:
            at += value
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


@pytest.mark.parametrize(
    ("machine", "architecture", "nobodys", "mmap", "clone", "passed"),
    [
        ("x86_64", 0xC000003E, (319, 447, 29), 9, 56, (0, 1, 53, 202)),
        ("aarch64", 0xC00000B7, (279, 447, 194), 222, 220, (63, 64, 199, 98)),
    ],
)
def test_a_step_needs_less(
    machine: str,
    architecture: int,
    nobodys: tuple[int, ...],
    mmap: int,
    clone: int,
    passed: tuple[int, ...],
) -> None:
    def of_step(number: int, *arguments: int) -> int:
        return verdict(machine, architecture, number, *arguments, step=True)

    allow, refuse, unknown = 0x7FFF0000, 0x00050001, 0x00050026
    assert {of_step(number) for number in nobodys} == {refuse}
    assert {verdict(machine, architecture, number) for number in nobodys} == {allow}
    assert {of_step(number) for number in passed} == {allow}
    shared, private, in_no_file, new_user, thread = 0x01, 0x02, 0x20, 0x10000000, 0x00010F00
    assert of_step(mmap, 0, 4096, 3, shared | in_no_file) == refuse
    assert of_step(mmap, 0, 4096, 3, private | in_no_file) == allow
    assert of_step(mmap, 0, 4096, 3, shared) == allow
    assert of_step(clone, new_user | 17) == refuse
    assert of_step(clone, thread) == allow
    assert of_step(435) == unknown, "clone3"
    assert verdict(machine, architecture, 435) == allow
