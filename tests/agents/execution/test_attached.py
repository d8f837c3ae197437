"""Which devices an agent serves."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.devices.base import Unit
from bitgauge.agents.execution.attached import (
    Attached,
    attached,
    come_since,
    introduced,
    names_of,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

PHONES = '''
"""Two phones on one computer."""
from dataclasses import replace

from bitgauge.agents.devices import fake
from bitgauge.agents.devices.base import Unit
from bitgauge.agents.devices.fake import *
from bitgauge.benchmarks.vocabulary.enums import Realness

NAME = "phone"
RANK = 20
HINT = "needs a phone on USB"


def probe():
    return tuple(Unit(key, f"phone-{key}", f"phone-{key}") for key in ("R58", "Q77", "gone"))


def describe(unit):
    if unit == "gone":
        raise OSError("the phone was unplugged")
    return replace(fake.describe(), processor_model=unit, realness=Realness.PHYSICAL)
'''


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, ...]:
    place = tmp_path / "plug/devices"
    place.mkdir(parents=True)
    (place / "phone.py").write_text(PHONES)
    (place / "odd.py").write_text(
        PHONES.replace('"phone"', '"odd"').replace("def probe():", "def probe():\n    return 1 / 0")
    )
    return (tmp_path / "plug",)


def keys(devices: tuple[Attached, ...]) -> list[str]:
    return [one.key for one in devices]


def test_every_real_device_that_is_found_is_served(folders: tuple[Path, ...]) -> None:
    said: list[str] = []
    assert keys(attached((), folders, said.append)) == ["phone:R58", "phone:Q77", "cpu"]
    assert "odd: its probe failed: ZeroDivisionError: division by zero" in said
    assert "phone:gone: it cannot be described: OSError: the phone was unplugged" in said


def test_what_was_asked_for_is_served_and_nothing_else(folders: tuple[Path, ...]) -> None:
    said: list[str] = []
    wanted = ("fake", "phone:Q77", "phone:Q77", "phone:lost")
    assert keys(attached(wanted, folders, said.append)) == ["fake", "phone:Q77"]
    assert said == ["No phone:lost is here: phone:R58, phone:Q77, phone:gone."]
    assert keys(attached(("phone", "cpu"), folders, print)) == [
        *("phone:R58", "phone:Q77", "phone:gone", "cpu")
    ]


COMES = """

def hindrance(unit):
    return None
"""


def test_only_units_of_kinds_that_come_and_go_are_looked_for_again(
    folders: tuple[Path, ...], tmp_path: Path
) -> None:
    assert come_since((), folders, (), print) == ()
    place = tmp_path / "more/devices"
    place.mkdir(parents=True)
    (place / "phone.py").write_text(PHONES + COMES)
    folders, said = (tmp_path / "more",), list[str]()
    known = attached(("phone:R58",), folders, print)
    assert keys(come_since((), folders, known, said.append)) == ["phone:Q77"]
    assert said == ["phone:gone: it cannot be described: OSError: the phone was unplugged"]
    assert keys(come_since(("phone:Q77", "cpu"), folders, known, print)) == ["phone:Q77"]
    assert come_since(("phone:R58",), folders, known, print) == ()


def test_nothing_to_serve_is_refused_in_a_sentence(folders: tuple[Path, ...]) -> None:
    with pytest.raises(BitgaugeError, match="no phone:lost or odd") as caught:
        attached(("phone:lost", "odd"), folders, lambda _: None)
    assert caught.value.code is Code.DEVICE_MISSING
    with pytest.raises(BitgaugeError, match="No device is called 'toaster'"):
        attached(("toaster",), folders, print)


def test_devices_are_named_after_the_machine(folders: tuple[Path, ...]) -> None:
    devices = attached(("cpu", "phone", "fake"), folders, print)
    assert names_of(devices, "rpi5") == (
        *("rpi5", "rpi5-phone-R58", "rpi5-phone-Q77", "rpi5-phone-gone"),
        "rpi5-fake",  # two that are the machine itself
    )
    turned = attached(("fake", "cpu"), folders, print)
    assert names_of(turned, "rpi5") == ("rpi5-fake", "rpi5")  # in whatever order they are named
    assert names_of((Attached("cpu", Unit(), devices[0].module),), "rpi5") == ("rpi5",)


def test_a_unit_says_what_it_is_itself(folders: tuple[Path, ...], tmp_path: Path) -> None:
    one, other = attached(("phone:R58", "phone:Q77"), folders, print)
    home, first = introduced(one, "a", tmp_path / "agent", folders, lambda _: None)
    _, second = introduced(other, "b", tmp_path / "agent", folders, lambda _: None)
    again, same = introduced(one, "a", tmp_path / "agent", folders, lambda _: None)
    assert (home, first.device_id) == (again, same.device_id)
    assert first.device_id != second.device_id
    assert (first.processor_model, second.processor_model) == ("R58", "Q77")
