"""How printed text is laid out: width, columns, wrapping, colours."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.enums import Scenario
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange

if TYPE_CHECKING:
    pass


_COLOURS = {
    "FASTER": 32,
    "PASS": 32,
    "SLOWER": 31,
    "FAIL": 31,
    "UNDECIDED": 33,
    "unsupported": 33,
    "failed": 31,
}


_WORDS = re.compile(rf"\b(?:{'|'.join(_COLOURS)})\b")


def coloured(plain: str) -> str:
    """The text with verdicts and states in colour, for a terminal."""
    return _WORDS.sub(lambda word: f"\x1b[{_COLOURS[word[0]]}m{word[0]}\x1b[0m", plain)


def _wrapped(sentence: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        sentence,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


WIDTH = 100


_MOST_CHANGES = 4


def device_line(device: DeviceView, runtime: str | None = None) -> str:
    """The machine and the versions that its numbers depend on, in one sentence fragment."""
    description = device.description
    cores = f"{description.core_count} core{'s' if description.core_count != 1 else ''}"
    parts = [
        description.processor_model,
        cores,
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


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in left-aligned columns; the last column is not padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def workload_words(workload: Workload) -> str:
    """A workload as people say it."""
    threads = f"{workload.threads} thread{'s' if workload.threads != 1 else ''}"
    offline = "offline, " if workload.scenario is Scenario.OFFLINE else ""
    return f"{offline}batch {workload.batch}, {threads}"


def changes_words(changes: Sequence[StackChange]) -> str:
    """What changed since, in words; many changes are cut short and counted."""
    shown = [
        f"{one.name} {one.before or 'absent'} -> {one.after or 'absent'}"
        for one in changes[:_MOST_CHANGES]
    ]
    left = len(changes) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left > 0 else "")
