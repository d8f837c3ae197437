"""Devices as people read them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.fingerprint import KERNEL, stack_of
from bitgauge.benchmarks.vocabulary.meters import best_meter, why_no_meter
from bitgauge.benchmarks.vocabulary.reasons import REASONS
from bitgauge.benchmarks.vocabulary.values.devices import (
    DeviceDescription,
    DeviceView,
    Instance,
    MeterDescription,
)

from .kernels import kernel_line, kernels_text
from .layout import wrapped
from .trust import certificate_lines


def devices_text(devices: Sequence[DeviceView], *, whole: bool = False) -> str:
    """One line per device, in this order, and what it is made of.

    With `whole` what goes into its fingerprints, and the whole probe map of each runtime; else one
    line says what that amounts to.
    """
    if not devices:
        return "No device has registered yet; start `bitgauge-agent run` on one."
    lines = []
    for view in devices:
        description = view.description
        doing = f"job {view.job_id}" if view.job_id else f"seen {ago(view.last_seen_unix_ns)}"
        state = "retired" if view.retired else view.state
        lines.append(
            f"{description.name}  {state}  {view.health.value}  {description.hardware_class.value}"
            f"  {description.realness.value}  {doing}"
        )
        lines.extend(wrapped(device_line(view), "  "))
        if description.aliases:
            lines.extend(wrapped(f"also called {', '.join(description.aliases)}", "  "))
        tags = ", ".join(f"{tag.name}={tag.value}" for tag in description.tags)
        if tags:
            lines.append(f"  tags: {tags}")
        lines.extend(wrapped(_meter_words(description.meters), "  "))
        lines.extend(line for words in _care_words(view) for line in wrapped(words, "  "))
        if whole:
            lines.extend(_fingerprint_lines(description))
            lines.extend(f"  {line}".rstrip() for line in kernels_text(view).splitlines())
        else:
            for runtime in description.runtimes:
                lines.extend(wrapped(kernel_line(runtime), "  "))
    return "\n".join(lines)


def _fingerprint_lines(device: DeviceDescription) -> list[str]:
    """What goes into the fingerprint of each runtime: a change of any makes its rows stale."""
    lines = ["  fingerprint, of every runtime here:"]
    for item in device.stack:
        lines.extend(wrapped(f"{item.name}: {item.value}", "    "))
    for runtime in device.runtimes:
        own = stack_of((), runtime)
        told = [f"{one.name} {one.value}" for one in own if not one.name.startswith(KERNEL)]
        if modes := len(own) - len(told):
            told.append(f"{text.counted(modes, 'mode')} of its kernels, as below")
        first = f"and {runtime.fingerprint[:12] or 'none'} of {runtime.name}: "
        lines.extend(wrapped(first + ", ".join(told), "  "))
    return lines


def device_line(device: DeviceView, runtime: str | None = None) -> str:
    """The machine and the versions that its numbers depend on, in one sentence fragment."""
    description = device.description
    parts = [
        description.processor_model,
        text.counted(description.core_count, "core"),
        text.size(description.memory_bytes),
        f"kernel {description.kernel_release}",
    ]
    if description.virtualisation:
        parts.append(f"virtualised ({description.virtualisation})")
    parts.extend(
        f"{one.name} {one.version}"
        for one in description.runtimes
        if runtime is None or one.name == runtime
    )
    return f"device: {', '.join(parts)}"


def _meter_words(meters: Sequence[MeterDescription]) -> str:
    """What measures the energy of runs, or why nothing does."""
    meter = best_meter(meters)
    if meter is None:
        reason = why_no_meter(meters)
        return f"energy: null, {REASONS[reason]} ({reason})"
    sure = meter.uncertainty_relative
    words = f"energy: {meter.name}, {meter.kind}, {meter.scope}"
    return words if sure is None else f"{words}, ±{sure:.0%}"


def _care_words(view: DeviceView) -> list[str]:
    """Why a device gets no job, what people should know of it, and its newest health check."""
    words = []
    if not view.confirmed and not view.retired:
        name = view.description.name
        words.append(
            f"unconfirmed: its rows decide nothing until an admin runs `bitgauge confirm {name}`"
        )
    if view.rival is not None:
        words += _rivals(view.agent, view.rival)
    if view.cordoned is not None:
        words.append(view.cordoned if view.retired else f"cordoned: {view.cordoned}")
    if view.note is not None:
        words.append(view.note)
    if view.checked_unix_ns is not None:
        words.append(f"checked {ago(view.checked_unix_ns)}, job {view.check_job_id}")
    return [*words, *certificate_lines(view, time.time_ns())]


def _rivals(agent: Instance | None, rival: Instance) -> list[str]:
    """The agent that serves a device, and another one with its id that may not."""
    first = f"served by {agent.words} since {text.moment(agent.since_unix_ns)}" if agent else ""
    second = f"refused {ago(rival.since_unix_ns)}: {rival.words}, which has the same id"
    return [*([first] if first else []), second]


def ago(unix_ns: int) -> str:
    """How long ago a moment was."""
    seconds = max(0.0, time.time() - unix_ns / 1e9)
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit} ago"
    return f"{seconds / 86_400:.0f} days ago"
