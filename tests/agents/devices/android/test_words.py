"""What Android's programs print, as values; the texts are as its sources print them."""

from __future__ import annotations

import pytest
from bitgauge.agents.devices.android._ending import CommandEnd
from bitgauge.agents.devices.android._health import facts, health, require_fit
from bitgauge.agents.devices.android._shelf import KeptBlob, shelf, to_drop
from bitgauge.agents.devices.android._survey import as_introduced, facts_of
from bitgauge.agents.devices.android._words import Battery, auxiliary, battery, sections
from bitgauge.agents.devices.android.listing import phones, refusal
from bitgauge.agents.execution.failures import failure_of
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.agents.spec import Introduced
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, PassName, Realness
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

# As BatteryService, ThermalManagerService and getprop of Android 14 print them.
POWERED = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  status: 2
  present: true
  level: 43
  scale: 50
  voltage: 4201
  temperature: 294
"""
UNPOWERED = POWERED.replace("USB powered: true", "USB powered: false")
HOT = "IsStatusOverride: false\nThermalEventListeners:\n\tcallbacks: 2\nThermal Status: {}\n"
PIXEL = """[ro.build.version.release]: [14]
[ro.build.fingerprint]: [google/oriole/oriole:14/AP1A/1:user/release-keys]
[ro.product.cpu.abi]: [arm64-v8a]
[ro.product.manufacturer]: [Google]
[ro.product.model]: [Pixel 6]
[ro.soc.manufacturer]: [Google]
[ro.soc.model]: [Tensor]
[ro.hardware]: [oriole]
"""
SNAPDRAGON = PIXEL.replace("[Google]\n[ro.soc.model]: [Tensor]", "[QTI]\n[ro.soc.model]: [SM8550]")
RANCHU = PIXEL.replace("[oriole]\n", "[ranchu]\n")
AUXILIARY = " 0000000000000010 0000000000100003\n 000000000000001a 0000000000002000\n"


def told(android: str, **further: str) -> dict[str, str]:
    return {
        "machine": "aarch64",
        "memory": "8000000",
        "processors": "8",
        "auxiliary": AUXILIARY,
        "properties": android,
        **further,
    }


@pytest.mark.parametrize("cut", [1, 7, 4096])
def test_a_command_has_ended_when_its_own_marker_came(cut: int) -> None:
    stream = b"one\nbitgauge-end-x 0\n\nword 5 7 8\nafter\nword 0\n"
    ending, lines = CommandEnd("word"), []
    for at in range(0, len(stream), cut):
        assert ending.status in (None, 5)
        lines += ending.feed(stream[at : at + cut])
    assert (ending.status, ending.told) == (5, ("7", "8"))
    assert lines == [b"one", b"bitgauge-end-x 0", b""]


@pytest.mark.parametrize("broken", [b"", b"word", b"word 0", b"\nword x\n", b"a word 0\n"])
def test_without_the_whole_marker_it_has_not(broken: bytes) -> None:
    ending = CommandEnd("word")
    ending.feed(broken)
    assert ending.status is None


def test_a_battery_and_the_words_of_a_process_are_read() -> None:
    assert battery(POWERED) == Battery(86.0, 29.4, True)
    assert battery(UNPOWERED).is_powered is False
    assert battery("sh: dumpsys: not found") == Battery()
    assert auxiliary(AUXILIARY) == {16: 0x100003, 26: 0x2000}
    assert sections("x\n@a\n1\n2\n@b\n") == {"a": "1\n2", "b": ""}


@pytest.mark.parametrize(
    ("states", "pass_name", "code"),
    [
        ({"battery": POWERED}, PassName.PAIR, None),
        ({}, PassName.ENERGY, None),
        ({"battery": UNPOWERED}, PassName.ENERGY, None),
        ({"battery": POWERED}, PassName.ENERGY, Code.PHONE_CHARGING),
        ({"battery": POWERED.replace("43", "9")}, None, Code.PHONE_BATTERY),
        ({"thermal": HOT.format(2)}, None, None),
        ({"thermal": HOT.format(3)}, None, Code.PHONE_HOT),
    ],
)
def test_a_phone_in_a_bad_state_is_not_measured(
    states: dict[str, str], pass_name: PassName | None, code: Code | None
) -> None:
    if code is None:
        require_fit(health(states), "R58M", pass_name)
        return
    with pytest.raises(BitgaugeError, match="R58M") as caught:
        require_fit(health(states), "R58M", pass_name)
    assert caught.value.code is code


def test_what_a_phone_does_not_tell_is_null() -> None:
    assert set(facts(health({})).values()) == {None}
    known = facts(health({"battery": POWERED, "thermal": HOT.format(1)}))
    assert (known["charger"], known["thermal_status"]) == ("connected", "light")


@pytest.mark.parametrize(
    ("android", "further", "hardware", "realness"),
    [
        (PIXEL, {}, HardwareClass.EDGE_ARM, Realness.PHYSICAL),
        (SNAPDRAGON, {}, HardwareClass.MOBILE_QUALCOMM, Realness.PHYSICAL),
        (RANCHU, {}, HardwareClass.EDGE_ARM, Realness.EMULATED),
        ("", {}, HardwareClass.EDGE_ARM, Realness.EMULATED),
        (PIXEL, {"translator": "/qemu-aarch64"}, HardwareClass.EDGE_ARM, Realness.EMULATED),
    ],
)
def test_what_a_phone_is(
    android: str, further: dict[str, str], hardware: HardwareClass, realness: Realness
) -> None:
    found = facts_of(told(android, **further), "R58M")
    assert (found.hardware_class, found.realness) == (hardware, realness)
    assert "asimddp" in found.isa_flags
    stack = {one.name: one.value for one in found.stack}
    assert stack["android_release"] == ("14" if android else "not told: the phone has no getprop")
    assert [(one.name, one.value) for one in found.evidence] == [("serial", "R58M")]


@pytest.mark.parametrize(
    ("android", "realness", "under", "judged"),
    [
        (PIXEL, Realness.PHYSICAL, None, Realness.PHYSICAL),
        (PIXEL, Realness.VIRTUAL_MACHINE, "unknown", Realness.PHYSICAL),
        (PIXEL, Realness.VIRTUAL_MACHINE, "google", Realness.EMULATED),
        (PIXEL, Realness.EMULATED, "qemu-user", Realness.EMULATED),
        ("", Realness.PHYSICAL, None, Realness.EMULATED),
    ],
)
def test_a_phone_is_as_real_as_both_its_shell_and_its_python_say(
    android: str, realness: Realness, under: str | None, judged: Realness
) -> None:
    from dataclasses import replace

    from bitgauge.agents import registry

    here = registry.describe("fake", name="", identity="", folders=())
    said = Introduced(replace(here, realness=realness, virtualisation=under), ("no meter",))
    found = as_introduced(facts_of(told(android), "R58M"), said)
    assert found.realness is judged
    assert found.equipment is not None
    assert found.equipment.problems == ("no meter",)


@pytest.mark.parametrize(
    ("wanted", "dropped"),
    [
        ({"c": 10}, ()),
        ({"d": 10}, ("b",)),
        ({"d": 80}, ("b", "c", "a")),
        ({"b": 40, "d": 20}, ("c",)),
        ({"d": 101}, None),
    ],
)
def test_the_folder_on_a_phone_keeps_to_its_limit(
    wanted: dict[str, int], dropped: tuple[str, ...] | None
) -> None:
    kept = {"a": KeptBlob(30, 9), "b": KeptBlob(40, 1), "c": KeptBlob(25, 5)}
    assert to_drop(kept, wanted, 100) == dropped


def test_a_shelf_is_read_from_what_the_shell_lists() -> None:
    listed = sections("@parts\np1\np2\n@blobs\nb1 12 99\n*\n@free\n/dev/x 100 40 60 40% /data\n")
    found = shelf(listed)
    assert found.parts == {"p1", "p2"}
    assert found.blobs == {"b1": KeptBlob(12, 99)}
    assert found.free_bytes == 60 * 1024
    assert shelf({}).free_bytes is None


def test_the_list_of_adb_says_why_a_phone_cannot_be_used() -> None:
    listed = (
        "* daemon started successfully\nList of devices attached\nA\tdevice\nB\tunauthorized\n"
        "C\toffline\nD\tno permissions (user in plugdev group); see [http://x]\n\n"
    )
    states = {one.serial: one.state for one in phones(listed)}
    assert list(states) == ["A", "B", "C", "D"]
    codes = [refusal(states.get(name, ""), name).code for name in "BCDE"]
    assert codes == [
        *(Code.PHONE_UNAUTHORIZED, Code.PHONE_OFFLINE),
        *(Code.PHONE_UNAUTHORIZED, Code.PHONE_OFFLINE),
    ]


@pytest.mark.parametrize("code", [one for one in Code if one.value.startswith(("phone_", "adb_"))])
def test_each_failure_of_a_phone_has_somebody_who_must_act(code: Code) -> None:
    failure = failure_of(ChildExit(False, code=code.value, message="It is so."), "pass pair")
    waits = ("offline", "rebooted", "server", "battery", "hot")
    assert failure.group.retries is code.value.endswith(waits)
    assert failure.code == code.value
    assert failure.advice
