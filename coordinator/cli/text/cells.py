"""Cells and their parts as text that fits 100 columns.

One block per model class, hardware class and workload; one line per format family, which names
its best recipe. What a line cannot hold stands in notes below the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.enums import CellState, FormatFamily
from bitgauge.benchmarks.vocabulary.reasons import PRELIMINARY
from bitgauge.benchmarks.vocabulary.values.cells import Cell, CellKey, Part, PassRate, Pooled

from .layout import columns, notes

HOUR_NS = 3_600_000_000_000
LEGEND = (
    "Ratios are recipe / fp32 of the same model, device and workload: below 1 is better; brackets"
    " hold 95 % intervals of the mean over models. `--by model,device,recipe` shows what a cell is"
    " made of and its runs, `--rows` every row with its absolute figures."
)
PRIORS_ONLY = "Nothing has been measured yet; `bitgauge demo` measures this machine."
_FIGURES = ("latency ratio", "accuracy, points", "size", "models that pass")
_REQUEST_FIGURES = ("per token ratio", "perplexity ratio", "size", "models that pass")
_MOST_NAMES = 3


def cells_text(cells: Sequence[Cell], now_ns: int) -> str:
    """Cells, ordered as the table is, as blocks of text; the priors in one block at the end."""
    if not cells:
        return "The table has no cell that matches."
    blocks: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        if cell.source is None:
            blocks.setdefault(_place(cell.key), []).append(cell)
    parts = [_block(members, now_ns) for members in blocks.values()]
    priors = [cell for cell in cells if cell.source is not None]
    if priors:
        parts.append(_priors(priors))
    return "\n\n".join([*parts, "\n".join(notes([LEGEND if blocks else PRIORS_ONLY]))])


def parts_text(parts: Mapping[CellKey, Sequence[Part]], now_ns: int) -> str:
    """What cells are made of, one line per part, families of one place in one block.

    The parts of each cell, at least one, are all by the same dimensions.
    """
    blocks: dict[tuple[object, ...], dict[CellKey, Sequence[Part]]] = {}
    for key, found in parts.items():
        blocks.setdefault(_place(key), {})[key] = found
    return "\n\n".join(_parts_block(block, now_ns) for block in blocks.values())


def _place(key: CellKey) -> tuple[object, ...]:
    return key.model_class, key.hardware_class, key.workload


def _parts_block(cells: Mapping[CellKey, Sequence[Part]], now_ns: int) -> str:
    first = next(iter(cells))
    dimensions = [name.partition("=")[0].replace("_", " ") for name in cells[first][0].names]
    lines: list[tuple[str, ...]] = []
    told: list[tuple[str, str]] = []
    for key, parts in cells.items():
        for part in parts:
            names = [name.partition("=")[2] for name in part.names]
            lines.append((key.family.value, *names, *_figures(part, key)))
            said = " ".join(names) or key.family.value
            told += [(said, note) for note in _notes(part, now_ns, runs=True)]
    heads = ("family", *dimensions, *_heads(first))
    return _laid_out(_title(first), heads, lines, _grouped(told))


def _laid_out(
    title: str, heads: Sequence[str], lines: Sequence[tuple[str, ...]], told: Iterable[str]
) -> str:
    return "\n".join([title, *columns(lines, heads, ruled=True), *notes(told)])


def _block(cells: Sequence[Cell], now_ns: int) -> str:
    lines: list[tuple[str, ...]] = []
    told: list[tuple[str, str]] = []
    for cell in cells:
        family, best = cell.key.family.value, cell.best
        if best is None:
            continue
        lines.append((family, cell.recipe or "", *_figures(best, cell.key)))
        others = len(cell.recipes)
        if others > 1:
            told.append((family, f"the best of {others} recipes that were tried"))
        told += [(family, note) for note in _notes(best, now_ns, runs=False)]
    heads = ("family", "best recipe", *_heads(cells[0].key))
    return _laid_out(_title(cells[0].key), heads, lines, _grouped(told))


def _priors(cells: Sequence[Cell]) -> str:
    """Figures from literature: one line each, and where they are from."""
    lines: list[tuple[str, ...]] = []
    for cell in cells:
        key = cell.key
        words = (key.model_class.value, key.hardware_class.value, key.family.value)
        lines.append((*words, *_figures(cell.best or Part((), cell.state), key)[:-1]))
    sources = dict.fromkeys(cell.source or "" for cell in cells)
    title = "priors: nothing was measured here, these figures decide nothing"
    heads = ("model class", "hardware class", "family", *_FIGURES[:-1])
    return _laid_out(title, heads, lines, (f"from {source}" for source in sources))


def _grouped(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Each note once, with everything that it speaks of."""
    names: dict[str, dict[str, None]] = {}
    for name, note in notes:
        names.setdefault(note, {})[name] = None
    everything = {name for named in names.values() for name in named}
    return [
        f"{'all' if len(named) == len(everything) > _MOST_NAMES else ', '.join(named)}: {note}"
        for note, named in names.items()
    ]


def _title(key: CellKey) -> str:
    workload = "any workload" if key.workload is None else text.workload_words(key.workload)
    return f"{key.model_class.value} on {key.hardware_class.value}, {workload}"


def _of_requests(key: CellKey) -> bool:
    return key.workload is not None and key.workload.is_llm


def _heads(key: CellKey) -> tuple[str, ...]:
    return _REQUEST_FIGURES if _of_requests(key) else _FIGURES


def _keys(key: CellKey) -> tuple[str, str]:
    """The figures of time and of quality."""
    if _of_requests(key):
        return "tpot_ratio", "perplexity_ratio"
    return "latency_ratio", "accuracy_delta_pp"


def _figures(part: Part, key: CellKey) -> tuple[str, ...]:
    time, quality = _keys(key)
    passing = _passing(part.pass_rate)
    if part.state is not CellState.PRIOR and not part.state.has_numbers:
        return (part.state.value, "", "", passing)
    if key.family is FormatFamily.FP32 and part.metric(time).value is None:
        return ("baseline", "", "", passing)
    return (
        _pooled(part.metric(time)),
        _pooled(part.metric(quality)),
        _pooled(part.metric("size_ratio"), interval=False),
        passing,
    )


def _pooled(pooled: Pooled, *, interval: bool = True) -> str:
    words = text.plain(pooled.number)
    brackets = text.interval(pooled.number) if interval else ""
    return f"{words} {brackets}".rstrip()


def _passing(rate: PassRate) -> str:
    if rate.judged == 0:
        return f"undecided ({rate.undecided})" if rate.undecided else ""
    words = f"{rate.passed} of {rate.judged}"
    if rate.low is not None and rate.high is not None:
        words += f" [{100 * rate.low:.0f}, {100 * rate.high:.0f}] %"
    return f"{words}, {rate.undecided} undecided" if rate.undecided else words


def _notes(part: Part, now_ns: int, *, runs: bool) -> list[str]:
    notes = []
    if part.reason:
        notes.append(f"{part.state.value}: {part.reason}")
    if part.changes:
        notes.append(f"stale: {text.changes_words(part.changes)}")
    spread = _spread(part.metric("latency_ratio"))
    if spread:
        notes.append(f"latency ratio {spread}")
    unjudged = part.metric("accuracy_delta_pp").without
    if unjudged:
        notes.append(f"accuracy without {text.listed(unjudged)}, which could not be judged")
    if part.kernel_modes:
        notes.append(f"kernels {', '.join(part.kernel_modes)}")
    notes += [f"{flag} ({text.flag(flag)})" for flag in part.flags if flag != PRELIMINARY]
    if part.state.has_numbers:
        notes.append(_evidence(part, now_ns, runs=runs))
    return notes


def _spread(pooled: Pooled) -> str:
    words = []
    if pooled.between_models is not None:
        words.append(f"spreads by {text.percent(100 * pooled.between_models)} between models")
    if pooled.between_devices is not None:
        words.append(f"by {text.percent(100 * pooled.between_devices)} between devices")
    if words and pooled.worst is not None:
        words.append(f"worst {text.ratio(pooled.worst)}")
    return ", ".join(words)


def _evidence(part: Part, now_ns: int, *, runs: bool) -> str:
    counted = [
        text.counted(len(names), word)
        for names, word in ((part.models, "model"), (part.devices, "device"), (part.run_ids, "run"))
    ]
    age = ""
    if part.oldest_unix_ns is not None:
        age = f", {_age(now_ns - part.oldest_unix_ns)} old"
        if len(part.run_ids) > 1:
            age += " at most"
    if PRELIMINARY in part.flags:
        age += ", preliminary"
    shown = f" ({', '.join(part.run_ids)})" if runs else ""
    return f"{', '.join(counted)}{age}{shown}"


def _age(nanoseconds: int) -> str:
    if nanoseconds < HOUR_NS:
        return f"{max(0, nanoseconds) // 60_000_000_000} min"
    span = timedelta(microseconds=nanoseconds // 1000)
    return f"{span.days} d" if span.days > 1 else f"{int(span.total_seconds() // 3600)} h"
