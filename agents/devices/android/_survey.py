"""What a phone is: its chip, its Android, its Python, and what that Python can run.

What needs a program that the phone lacks is said to be missing, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
from bitgauge.benchmarks.common.said import plain
from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from ...host import isa
from ...spec import INTRODUCTION, Introduced
from ..base import DeviceFacts, Equipment
from ._adb import Phone
from ._health import ASK_FIXED, END_FIXED
from ._launch import NOT_OBTAINED, OBTAINED
from ._parts import packages_folder
from ._route import Route
from ._shelf import FOLDER, LIST, shelf
from ._words import auxiliary, is_qualcomm, properties, sections, soc_name

SLOW = 10.0
_INTRODUCTION_S = 60.0
_PYTHON = f"{FOLDER}/../python/bin/python3 python3"
_TAG = "import sys; print('cp%d%d' % sys.version_info[:2])"
_TRANSLATOR = "qemu-"
_NO_GETPROP = "not told: the phone has no getprop"
_EMULATORS = ("goldfish", "ranchu", "cutf")
"""What Android's own emulators call their hardware."""

_SCRIPT = f"""
echo @boot; cat /proc/sys/kernel/random/boot_id
echo @machine; uname -m
echo @kernel; uname -r
echo @auxiliary; od -An -v -tx8 /proc/self/auxv
echo @memory; sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo
echo @processors; grep -c '^processor' /proc/cpuinfo
echo @translator; readlink /proc/$$/task/$$/exe
echo @properties; getprop 2>/dev/null
echo @fixed; if {ASK_FIXED}; then echo {OBTAINED}; {END_FIXED}; else echo {NOT_OBTAINED}; fi
echo @python
for one in {_PYTHON}; do
  if command -v $one >/dev/null; then echo $one; $one -c "{_TAG}"; break; fi
done
"""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A phone as it was found.

    Attributes:
        route: the way for its children; None where nothing there runs our code.
        system: what its shell told of chip and system, and what changes with an update.
        boot_id: of the boot in which it was found.
        is_android: whether it tells of its battery and heat as Android does.
    """

    facts: DeviceFacts
    route: Route | None
    system: tuple[StackItem, ...]
    boot_id: str
    is_android: bool


def surveyed(phone: Phone) -> Surveyed:
    """Asks a phone for everything, and gives it our code.

    Raises:
        BitgaugeError: it went away, or has no room.
    """
    told = asked(phone)
    patience = SLOW if _TRANSLATOR in told.get("translator", "") else 1.0
    phone = replace(phone, patience=patience)
    facts = facts_of(told, phone.name)
    found = Surveyed(facts, None, facts.stack, told.get("boot", ""), bool(told.get("properties")))
    python, _, tag = told.get("python", "").partition("\n")
    if not tag:
        return replace(found, facts=_without_python(facts, phone, "none is found"))
    folder = packages_folder(f"{tag.strip()}-{facts.architecture}")
    way = Route(phone.name, phone.port, python, str(folder), patience=patience)
    way = way.given(phone, shelf(sections(phone.shell(LIST))).parts)
    said = phone.shell(
        f"PYTHONDONTWRITEBYTECODE= PYTHONPATH={way.path} {python} -m {INTRODUCTION} cpu 2>&1",
        _INTRODUCTION_S,
    )
    introduced = _introduced(said)
    if introduced is None:
        return replace(found, facts=_without_python(facts, phone, _last_line(said)))
    return replace(found, facts=as_introduced(facts, introduced), route=way)


def asked(phone: Phone) -> dict[str, str]:
    """What the shell of a phone tells, by the sections of the survey."""
    return sections(phone.shell(_SCRIPT))


def facts_of(told: Mapping[str, str], name: str) -> DeviceFacts:
    """What the shell of a phone told, by the sections of the survey."""
    android = properties(told.get("properties", ""))
    words = auxiliary(told.get("auxiliary", ""))
    machine = told.get("machine", "")
    known = (words.get(isa.AT_HWCAP, 0), words.get(isa.AT_HWCAP2, 0))
    emulated = _TRANSLATOR in told.get("translator", "") or android.get(
        "ro.hardware", ""
    ).startswith(_EMULATORS)
    stack = {
        "architecture": machine,
        "kernel_release": told.get("kernel", ""),
        "abi": android.get("ro.product.cpu.abi", machine),
        "soc": soc_name(android) or _NO_GETPROP,
        "android_release": android.get("ro.build.version.release", _NO_GETPROP),
        "firmware": android.get("ro.build.fingerprint", _NO_GETPROP),
        "power_mode": f"fixed_performance {told.get('fixed') or NOT_OBTAINED}",
    }
    model = " ".join(
        filter(None, (android.get("ro.product.manufacturer"), android.get("ro.product.model")))
    )
    return DeviceFacts(
        hardware_class=(
            HardwareClass.MOBILE_QUALCOMM if is_qualcomm(android) else HardwareClass.EDGE_ARM
        ),
        realness=Realness.EMULATED if emulated or not android else Realness.PHYSICAL,
        architecture=machine,
        processor_model=", ".join(filter(None, (model, soc_name(android)))),
        isa_flags=isa.arm_flags(*known) if machine == "aarch64" else (),
        core_count=_whole(told.get("processors", "")) or 1,
        memory_bytes=_whole(told.get("memory", "")) * 1024,
        kernel_release=told.get("kernel", ""),
        virtualisation="unknown" if emulated else None,
        stack=_items(stack),
        evidence=_items({"serial": name}),
        equipment=Equipment(),
    )


def as_introduced(facts: DeviceFacts, introduced: Introduced) -> DeviceFacts:
    """The same with what the phone's Python says.

    A phone is no virtual machine: one that is may be anything, and its time is no phone's.
    """
    found = introduced.description
    real = found.realness is Realness.PHYSICAL and facts.realness is Realness.PHYSICAL
    # Android keeps its shell from the files by which a board is told from a virtual machine.
    hidden = found.virtualisation == "unknown" and facts.realness is Realness.PHYSICAL
    own = {one.name: one.value for one in facts.stack}
    return replace(
        facts,
        realness=Realness.PHYSICAL if real or hidden else Realness.EMULATED,
        virtualisation=None if hidden else found.virtualisation or facts.virtualisation,
        isa_flags=found.isa_flags,
        core_count=found.core_count,
        memory_bytes=found.memory_bytes,
        governor=found.governor,
        processor_model=facts.processor_model or found.processor_model,
        stack=_items({one.name: one.value for one in found.stack} | own),
        equipment=Equipment(found.runtimes, found.meters, introduced.problems),
    )


def _without_python(facts: DeviceFacts, phone: Phone, why: str) -> DeviceFacts:
    line = (
        f"The phone {phone.name} cannot run an artifact: it needs Python 3.10 or later with numpy,"
        f" msgspec and a runtime for {facts.architecture or 'its ABI'} ({why})."
        f" {CATALOGUE[Code.PHONE_PYTHON].advice}"
    )
    return replace(facts, equipment=Equipment(problems=(line,)))


def _introduced(said: str) -> Introduced | None:
    for line in said.splitlines():
        if line.startswith("{"):
            try:
                return msgspec.json.decode(line, type=Introduced)
            except (ValueError, RecursionError):
                continue
    return None


def _last_line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return plain(lines[-1]) if lines else "it says nothing"


def _items(values: Mapping[str, str]) -> tuple[StackItem, ...]:
    return tuple(StackItem(name, value) for name, value in values.items() if value)


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0
