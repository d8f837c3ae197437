"""The probe map of a device as text: what its kernels really do. Pure: values in, lines out.

An item of the map is named `operator.types.option`, such as `QLinearMatMul.u8s8.const`; its value
is what the saturation probe saw there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bitgauge.benchmarks.raw.anchors import FP16, FP32, INT8, MEMORY, from_items, peak_name
from bitgauge.benchmarks.vocabulary.kernel_modes import (
    EXACT,
    FP16_ACCUMULATOR,
    MEANING,
    SAT16,
    UNSUPPORTED,
    WRAP16,
)
from bitgauge.benchmarks.vocabulary.session_options import session_words
from bitgauge.benchmarks.vocabulary.shown import DASH, counted, number, size
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, RuntimeDescription

from .layout import columns

_PAIRS = re.compile(r"[us]\d+[us]\d+")
_NAMED = 4
_QUANTITIES = {
    FP32: ("fp32", "GFLOP/s"),
    FP16: ("fp16", "GFLOP/s"),
    INT8: ("int8", "GOP/s"),
    MEMORY: ("memory", "GB/s"),
}
_OF_TOMORROW = "a mode that this version does not know"


class Probed(NamedTuple):
    """One item of a probe map, taken apart."""

    operator: str
    types: str
    option: str
    mode: str

    @property
    def asked_again(self) -> bool:
        """Whether it was probed under a session option, besides as it is by default."""
        return "+" in self.option


def probed(runtime: RuntimeDescription) -> tuple[Probed, ...]:
    """The probe map of a runtime, in its order."""
    found = []
    for item in runtime.kernel_modes:
        operator, _, rest = item.name.partition(".")
        types, _, option = rest.partition(".")
        found.append(Probed(operator, types, option, item.value))
    return tuple(found)


def kernel_line(runtime: RuntimeDescription) -> str:
    """The probe map in one line: which integer kernels saturate, and what the others do."""
    found = probed(runtime)
    if not found:
        return f"kernels of {runtime.name}: not probed, so what saturates is unknown"
    products = [one for one in found if _PAIRS.fullmatch(one.types) and not one.asked_again]
    counts = [
        f"{sum(one.mode == mode for one in products)} {mode}"
        for mode in _worst_first(products)
        if mode != SAT16
    ]
    saturating = [one for one in products if one.mode == SAT16]
    parts = []
    if saturating:
        amount = f"{len(saturating)} of {len(products)} saturate"
        parts.append(f"{amount} ({SAT16}: {_places(saturating)})")
    elif products:
        parts.append(f"none of {len(products)} was seen to saturate")
    if counts:
        parts.append(", ".join(counts))
    if narrow := [one for one in found if one.mode == FP16_ACCUMULATOR]:
        parts.append(f"{FP16_ACCUMULATOR} in {_places(narrow)}")
    return f"kernels of {runtime.name}: {'; '.join(parts)}"


def _worst_first(found: Iterable[Probed]) -> list[str]:
    """The modes that occur: those that nobody knows, then from worst to harmless."""
    rank = {mode: -index for index, mode in enumerate(MEANING)}
    return sorted({one.mode for one in found}, key=lambda mode: (rank.get(mode, -99), mode))


def _places(members: Sequence[Probed]) -> str:
    """Operators by the types that they share, the longest lists cut."""
    by_types: dict[str, list[str]] = {}
    for one in members:
        names = by_types.setdefault(one.types, [])
        if one.operator not in names:
            names.append(one.operator)
    words = []
    for types, names in by_types.items():
        shown = ", ".join(names[:_NAMED])
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        words.append(f"{types} {shown}{more}".strip())
    return "; ".join(words)


def kernels_text(view: DeviceView) -> str:
    """The probe map of each runtime of a device: operators down, types across, and a legend."""
    parts = [_runtime(runtime) for runtime in view.description.runtimes]
    return "\n".join(line for lines in parts for line in lines)


def _runtime(runtime: RuntimeDescription) -> list[str]:
    found = probed(runtime)
    if not found:
        return [kernel_line(runtime), *option_lines(runtime), *anchor_lines(runtime)]
    lines = [f"kernels of {runtime.name} {runtime.version}, as the saturation probe found them:"]
    pairs = [one for one in found if _PAIRS.fullmatch(one.types)]
    lines += _matrix(pairs)
    lines += _matrix([one for one in found if one not in pairs])
    present = _worst_first(found)
    lines += [f"  {mode}: {MEANING.get(mode, _OF_TOMORROW)}" for mode in present]
    if SAT16 in present:
        lines.append(_remedy(found, runtime))
    elif WRAP16 in present:
        lines.append("  What keeps a model exact here: weights from -127 to 127, without -128.")
    return [*lines, *option_lines(runtime), *anchor_lines(runtime)]


def option_lines(runtime: RuntimeDescription) -> list[str]:
    """What a runtime takes, and its options that may be measured with what each brings."""
    lines = [f"{runtime.name} takes artifacts of kind {', '.join(runtime.artifact_kinds)}"]
    lines = lines if runtime.artifact_kinds else []
    if not runtime.options:
        return lines
    listed = [
        f"  {option.name}={' or '.join(option.values)}: {option.words}".rstrip(": ")
        for option in runtime.options
    ]
    return [
        *lines,
        f"options of {runtime.name} that may be measured (--session-option):",
        *listed,
    ]


def anchor_lines(runtime: RuntimeDescription) -> list[str]:
    """The most that was observed of a runtime: what lies beyond it is impossible."""
    anchors = from_items(runtime.anchors)
    if anchors is None:
        return []
    rows = []
    for quantity, (name, unit) in _QUANTITIES.items():
        for count in anchors.counts(quantity):
            amount = number(anchors.values[peak_name(quantity, count)] / 1e9)
            rows.append((name, f"{amount} {unit}", counted(count, "thread")))
    if anchors.cache_bytes is not None:
        rows.append(("caches", size(anchors.cache_bytes), "beyond the first level"))
    head = f"the most that was observed of {runtime.name}, to know what is impossible:"
    if not (anchors.is_quiet or anchors.is_unknown):
        head = f"observed of {runtime.name} while others used the machine, so that it may do more:"
    return [head, *columns(rows, indent="  ")]


def _remedy(found: Sequence[Probed], runtime: RuntimeDescription) -> str:
    """What helps here against kernels that saturate, as far as the probe saw it."""
    modes = {one.mode for one in found if one.types == "u8u8"}
    helps = "weights of 7 bits (recipes with -rr)"
    if EXACT in modes and modes <= {EXACT, UNSUPPORTED}:
        helps += ", or u8u8"
    if runtime.exact_options and any(one.asked_again for one in found):
        helps += f", or exact mode ({session_words(runtime.exact_options)})"
    return f"  What keeps a model exact here: {helps}."


def _matrix(found: Sequence[Probed]) -> list[str]:
    """One line per operator and option that differs, one column per pair of types."""
    if not found:
        return []
    types = list(dict.fromkeys(one.types for one in found))
    rows: list[tuple[str, ...]] = []
    for operator in dict.fromkeys(one.operator for one in found):
        rows += _rows(operator, [one for one in found if one.operator == operator], types)
    return columns(rows, ("operator", *types), indent="  ")


def _rows(operator: str, found: Sequence[Probed], types: Sequence[str]) -> list[tuple[str, ...]]:
    """The lines of one operator; options with the same modes share one line."""
    by_cells: dict[tuple[str, ...], list[str]] = {}
    options = list(dict.fromkeys(one.option for one in found))
    for option in options:
        modes = {one.types: one.mode for one in found if one.option == option}
        by_cells.setdefault(tuple(modes.get(kind, DASH) for kind in types), []).append(option)
    if len(by_cells) == 1:
        return [(operator, *cells) for cells in by_cells]
    return [(f"{operator} {', '.join(names)}".strip(), *cells) for cells, names in by_cells.items()]
