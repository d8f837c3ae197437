"""What a device may be called, and whom a word means."""

import uuid

import pytest
from bitgauge.benchmarks.vocabulary.devices import (
    MAX_DEVICE_NAME,
    NamedDevice,
    as_name,
    means,
    meant,
    require_id,
    require_name,
)
from bitgauge.benchmarks.vocabulary.errors import Code

from tests.labs.refused import refused

A, B = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


@pytest.mark.parametrize("name", ["rpi5", "4", "lab-2.rack_1", "x" * MAX_DEVICE_NAME])
def test_what_a_device_may_be_called(name: str) -> None:
    require_name(name)
    assert as_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "-x", ".x", "tv box", "caf\u00e9", "a\n", "a\x1b[2J", "a\u202eb", "a/b"),
        *("a" * (MAX_DEVICE_NAME + 1), A, A.upper(), A.replace("-", "")),
    ],
)
def test_what_no_device_may_be_called(name: str) -> None:
    with refused(Code.BAD_ARGUMENT, "--name NAME"):
        require_name(name)
    require_name(as_name(name))


@pytest.mark.parametrize("word", ["", "rpi5", A.upper().replace("0", "A"), A.replace("-", "")])
def test_what_is_no_id(word: str) -> None:
    require_id(A)
    with refused(Code.BAD_ARGUMENT):
        require_id(word)


def test_an_exact_id_wins() -> None:
    crossed = (NamedDevice(A, B), NamedDevice(B, A))
    assert meant(A, crossed) == (A,)
    assert meant(B, crossed) == (B,)
    assert means(A, A, B)
    assert not means(A, B, A)


def test_a_name_is_a_living_device_s_first() -> None:
    gone, here = NamedDevice(A, "rpi5", living=False), NamedDevice(B, "rpi5")
    assert meant("rpi5", (gone, here)) == (B,)
    assert meant("rpi5", (gone,)) == (A,)
    assert meant("rpi5", (here, NamedDevice(A, "rpi5"))) == (A, B)
    assert meant("rpi6", (gone, here)) == ()
