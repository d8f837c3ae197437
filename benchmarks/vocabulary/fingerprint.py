"""The stack fingerprint of one (device, runtime): what can change a number, hashed.

Each input is kept beside the hash, so that a difference can be named. Readings that change by
themselves (clock, uptime, temperature) are refused, because they would make every cell stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .errors import BadInput, Code
from .values.devices import DeviceDescription, RuntimeDescription, StackItem

KERNEL = "kernel."
"""What the names of the probe map begin with in a stack."""

UNSTABLE_NAMES = frozenset({"clock_mhz", "uptime_s", "temperature_c", "load_1m"})


def stack_of(
    device_stack: Iterable[StackItem], runtime: RuntimeDescription
) -> tuple[StackItem, ...]:
    """The stack of a device together with what `runtime` adds to it, sorted by name.

    Args:
        device_stack: architecture, processor flags, microcode, kernel, power mode, drivers.
        runtime: the runtime; its name, its probe map and every version that it states enter. Its
            anchors do not: they are readings, and drift.

    Raises:
        ValueError: a name is there twice with different values, or names a passing reading.
    """
    own = [
        StackItem("runtime", runtime.name),
        StackItem(f"runtime.{runtime.name}", runtime.version),
    ]
    own += [StackItem(f"runtime.{item.name}", item.value) for item in runtime.versions]
    own += [StackItem("runtime.providers", " ".join(runtime.providers))]
    own += [StackItem(f"{KERNEL}{item.name}", item.value) for item in runtime.kernel_modes]
    merged: dict[str, str] = {}
    for item in (*device_stack, *own):
        if item.name in UNSTABLE_NAMES:
            raise ValueError(f"{item.name} changes by itself and cannot be part of a stack")
        if merged.setdefault(item.name, item.value) != item.value:
            raise ValueError(f"{item.name} is both {merged[item.name]!r} and {item.value!r}")
    return tuple(StackItem(name, merged[name]) for name in sorted(merged))


def require_stacks(device: DeviceDescription) -> None:
    """A device is registered only if what it states gives each of its runtimes one stack.

    Raises:
        BadInput: it names something twice with different values, or a passing reading.
    """
    for runtime in device.runtimes:
        try:
            stack_of(device.stack, runtime)
        except ValueError as error:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"Device {device.name!r} cannot register: in the stack of its runtime"
                f" {runtime.name!r}, {error}; each name stands for one lasting value.",
            ) from None


def fingerprint(stack: Iterable[StackItem]) -> str:
    """SHA-256 hex of a stack; the order of its items does not matter.

    Names and values are length-prefixed, so that no two different stacks share one encoding.
    """
    digest = hashlib.sha256(b"bitgauge.stack/1")
    for item in sorted(stack, key=lambda one: (one.name, one.value)):
        for part in (item.name.encode(), item.value.encode()):
            digest.update(len(part).to_bytes(4, "big"))
            digest.update(part)
    return digest.hexdigest()


def changed(old: Iterable[StackItem], new: Iterable[StackItem]) -> tuple[str, ...]:
    """Names of the stack items in which two stacks differ, sorted."""
    before = {item.name: item.value for item in old}
    after = {item.name: item.value for item in new}
    return tuple(name for name in sorted(before | after) if before.get(name) != after.get(name))
