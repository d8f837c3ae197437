"""Devices as people read them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.meters import best_meter, why_no_meter
from bitgauge.benchmarks.vocabulary.reasons import REASONS
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, MeterDescription

from .kernels import kernel_line, kernels_text
from .layout import _wrapped, device_line
from .trust import certificate_lines

if TYPE_CHECKING:
    pass


def devices_text(devices: Sequence[DeviceView], *, kernels: bool = False) -> str:
    """One line per device and what it is made of.

    Args:
        devices: in the order of the text.
        kernels: show the whole probe map of each; else one line says what it amounts to.
    """
    if not devices:
        return "No device has registered yet; start `bitgauge-agent run` on one."
    lines = []
    for view in devices:
        description = view.description
        doing = f"job {view.job_id}" if view.job_id else f"seen {_ago(view.last_seen_unix_ns)}"
        state = "retired" if view.retired else view.state
        lines.append(
            f"{description.name}  {state}  {view.health.value}  {description.hardware_class.value}"
            f"  {description.realness.value}  {doing}"
        )
        lines.extend(_wrapped(device_line(view), "  "))
        tags = ", ".join(f"{tag.name}={tag.value}" for tag in description.tags)
        if tags:
            lines.append(f"  tags: {tags}")
        lines.extend(_wrapped(_meter_words(description.meters), "  "))
        lines.extend(line for words in _care_words(view) for line in _wrapped(words, "  "))
        if kernels:
            lines.extend(f"  {line}".rstrip() for line in kernels_text(view).splitlines())
        else:
            for runtime in description.runtimes:
                lines.extend(_wrapped(kernel_line(runtime), "  "))
    return "\n".join(lines)


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
    if view.cordoned is not None:
        words.append(view.cordoned if view.retired else f"cordoned: {view.cordoned}")
    if view.note is not None:
        words.append(view.note)
    if view.checked_unix_ns is not None:
        words.append(f"checked {_ago(view.checked_unix_ns)}, job {view.check_job_id}")
    return [*words, *certificate_lines(view, time.time_ns())]


def _ago(unix_ns: int) -> str:
    seconds = max(0.0, time.time() - unix_ns / 1e9)
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit} ago"
    return f"{seconds / 86_400:.0f} days ago"
