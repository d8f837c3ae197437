"""Runtimes, meters and devices, found by file name, and what they say of themselves.

They live in `agents/runtimes`, `agents/meters` and `agents/devices`, and in folders of the same
names below each folder of ``BITGAUGE_PLUGIN_PATH``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import cast

from bitgauge.benchmarks.common import plugins
from bitgauge.benchmarks.common.plugins import Found, Kind
from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.fingerprint import fingerprint, stack_of
from bitgauge.benchmarks.vocabulary.meters import meters_of
from bitgauge.benchmarks.vocabulary.values.devices import (
    DeviceDescription,
    MeterDescription,
    RuntimeDescription,
    StackItem,
)

from .devices.base import DeviceFacts, DeviceModule, Equipment, OffersRuntimes
from .host.packages import foreign
from .meters.base import MeterModule, of_unit
from .runtimes.base import Offer, RuntimeMissing, RuntimeModule

FAKES = "BITGAUGE_FAKES"
"""The variable that asks for runtimes that are for tests."""

_SHAPE = {
    "runtimes": ("NAME", "RANK", "HINT", "TRAITS", "probe", "prepare", "load", "empty_artifact"),
    "meters": ("NAME", "RANK", "HINT", "describe"),
    "devices": (
        *("NAME", "RANK", "HINT", "probe", "describe"),
        *("conditions", "preflight", "rest", "nodes"),
    ),
}


def find(kind: str, folders: Sequence[Path] | None = None) -> Found:
    """Loads every plug-in of `kind`.

    Args:
        kind: ``runtimes``, ``meters`` or ``devices``.
        folders: where to look besides the agent's own; the environment's when not given.

    Raises:
        Refused: two files claim one name.
    """
    return plugins.find(Kind(kind, _SHAPE[kind], f"{__package__}.{kind}"), folders)


def runtime(name: str, folders: Sequence[Path] | None = None) -> RuntimeModule:
    """The runtime called `name`; NotFound names those there are."""
    return cast(RuntimeModule, find("runtimes", folders).get(name))


def device(name: str, folders: Sequence[Path] | None = None) -> DeviceModule:
    """The device kind called `name`; NotFound names those there are."""
    return cast(DeviceModule, find("devices", folders).get(name))


def probe_runtimes(
    found: Found, stack: Iterable[StackItem] = (), device: str = ""
) -> tuple[tuple[RuntimeDescription, ...], tuple[str, ...]]:
    """What the runtimes say of themselves, and one line for each that is not usable.

    Args:
        found: the runtimes; one for tests is passed over where nobody asks for it.
        stack: of the device that they are on.
        device: its kind.
    """
    there: list[RuntimeDescription] = []
    missing: list[str] = []
    for name, module in found.modules.items():
        if not (name == device or os.environ.get(FAKES)) and _is_for_tests(module):
            continue
        try:
            there.append(described(cast(RuntimeModule, module), stack))
            missing += [f"{name}: {one}" for one in _offered(module, stack).missing]
        except RuntimeMissing as error:
            missing.append(f"{name}: {error.sentence} {module.HINT}")
        except Exception as error:  # as in `find`
            missing.append(f"{name}: its probe failed: {type(error).__name__}: {error}")
    return tuple(there), tuple(missing)


def _is_for_tests(module: object) -> bool:
    return cast(RuntimeModule, module).TRAITS.for_tests


def described(runtime: RuntimeModule, stack: Iterable[StackItem] = ()) -> RuntimeDescription:
    """What is installed of a runtime, and what it is and can do on a device of this stack.

    Raises:
        RuntimeMissing: it is not there, or was built for other machines.
    """
    traits, probed = runtime.TRAITS, runtime.probe()
    offer = _offered(runtime, stack)
    for package in probed.versions:
        if why := foreign(package.name):
            raise RuntimeMissing(why, Code.WRONG_ARCHITECTURE)
    taken = {one.name for one in offer.options}  # with more values here than elsewhere
    return replace(
        probed,
        families=tuple(one for one in probed.families if one not in offer.without),
        providers=(*probed.providers, *offer.providers),
        versions=tuple(sorted({*probed.versions, *offer.versions}, key=lambda one: one.name)),
        artifact_kinds=traits.artifact_kinds,
        options=(*(one for one in traits.options if one.name not in taken), *offer.options),
        exact_options=traits.exact_options,
        capabilities=traits.capabilities,
    )


def _offered(runtime: object, stack: Iterable[StackItem]) -> Offer:
    placing = cast(RuntimeModule, runtime).TRAITS.placing
    return Offer() if placing is None else placing({one.name: one.value for one in stack})


def describe_meters(
    found: Found, device: str = "", unit: str = ""
) -> tuple[tuple[MeterDescription, ...], tuple[str, ...]]:
    """The meters that this machine or unit has, and one line for each that failed to say."""
    there: list[MeterDescription] = []
    failed: list[str] = []
    for name, module in found.modules.items():
        try:
            described = of_unit(cast(MeterModule, module), device, unit).describe()
        except Exception as error:  # as in `find`
            first = (str(error).splitlines() or [""])[0]
            failed.append(f"{name}: it failed: {type(error).__name__}: {first}")
            continue
        if described is not None:
            there.append(described)
    return tuple(there), tuple(failed)


def describe(
    device: str,
    *,
    name: str,
    identity: str,
    unit: str = "",
    folders: Sequence[Path] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> DeviceDescription:
    """This device as it introduces itself.

    Without `folders` those of the environment are searched for plug-ins.

    Raises:
        BitgaugeError: no such device module, or two plug-ins of one name.
    """
    kind = cast(DeviceModule, find("devices", folders).get(device))
    facts = kind.describe(unit)
    there = facts.equipment or _here(device, unit, facts, folders)
    for line in there.problems:
        say(line)
    return DeviceDescription(
        device_id=identity,
        name=name,
        runtimes=tuple(_with_fingerprint(facts.stack, runtime) for runtime in there.runtimes),
        meters=meters_of(there.meters, facts.hardware_class),
        **{
            field.name: getattr(facts, field.name)
            for field in fields(facts)
            if field.name != "equipment"
        },
    )


def _here(device: str, unit: str, facts: DeviceFacts, folders: Sequence[Path] | None) -> Equipment:
    """The runtimes and meters of this machine, as far as a unit has them."""
    kind = find("devices", folders).get(device)
    found, meters = find("runtimes", folders), find("meters", folders)
    runtimes, missing = probe_runtimes(found, facts.stack, device)
    anywhere = tuple(one for one in runtimes if not _hardware(found, one))
    own = tuple(one for one in runtimes if facts.hardware_class in _hardware(found, one))
    if isinstance(kind, OffersRuntimes):
        anywhere = kind.offers(unit, anywhere)
    runtimes = (*anywhere, *own)
    metered, failed = describe_meters(meters, device, unit)
    return Equipment(runtimes, metered, (*found.problems, *meters.problems, *missing, *failed))


def _hardware(found: Found, runtime: RuntimeDescription) -> tuple[HardwareClass, ...]:
    """The classes of devices that a runtime is for; () for any that has a processor."""
    return cast(RuntimeModule, found.modules[runtime.name]).TRAITS.hardware


def _with_fingerprint(
    stack: tuple[StackItem, ...], runtime: RuntimeDescription
) -> RuntimeDescription:
    return replace(runtime, fingerprint=fingerprint(stack_of(stack, runtime)))
