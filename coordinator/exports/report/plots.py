"""The plots of a report as inline SVG: the only module that imports matplotlib.

Colours are names of the page's own (`INK`, `BASELINE`, ...), so that a plot follows light, dark and
paper. The same data gives the same text: no dates, no random ids. Text stays text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from bitgauge.benchmarks.samples import Floats
from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable

from .series import (
    CheckpointBars,
    ConditionPlot,
    LatencyHistogram,
    PromptCurve,
    QuadPanel,
    QuadPlot,
    WarmLine,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Stand-ins: replaced by the page's variables when the SVG is written.
INK, MUTED, GRID = "#010101", "#020202", "#030303"
BASELINE, CANDIDATE, BAND = "#040404", "#050505", "#060606"
_SERIES = ("#070701", "#070702", "#070703", "#070704", "#070705")
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--rule",
    BASELINE: "--baseline",
    CANDIDATE: "--candidate",
    BAND: "--band",
    **{colour: f"--series-{at + 1}" for at, colour in enumerate(_SERIES)},
}
_DASHES = ("-", "--", ":", "-.")
_WIDTH_IN = 9.4


def histogram(data: LatencyHistogram) -> str:
    """Latencies of each launch over one set of bins, with the published percentiles."""
    with _figure(3.0) as (figure, svg):
        axes = figure.subplots()
        for at, counts in enumerate(data.counts):
            axes.stairs(
                counts,
                data.edges,
                color=_series(at),
                linewidth=1.1,
                label=f"launch {at + 1}",
                fill=False,
            )
        for (name, value, text), dash in zip(data.marks, _DASHES, strict=False):
            axes.axvline(value, color=INK, linewidth=1, linestyle=dash, label=f"{name}  {text}")
        if data.log_x:
            axes.set_xscale("log")
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        _plain_ticks(axes.xaxis, data.edges[0], data.edges[-1], log=data.log_x)
        axes.set_xlabel(f"latency of one call, {data.unit}" + (", log scale" * data.log_x))
        axes.set_ylabel("calls per bin, log scale")
        _counts_axis(axes, max((int(counts.max()) for counts in data.counts), default=1))
        _legend(figure, axes)
    return svg.text("histogram")


def quads(data: QuadPlot) -> str:
    """Ratio of every quad over time, a panel per launch, with the published interval."""
    with _figure(3.0) as (figure, svg):
        panels = figure.subplots(1, len(data.panels), sharey=True, squeeze=False)[0]
        for at, (axes, panel) in enumerate(zip(panels, data.panels, strict=True)):
            _quad_panel(axes, panel, data)
            axes.set_title(f"launch {at + 1}", fontsize=9, color=MUTED, loc="left")
        panels[0].set_ylabel("candidate / baseline, log scale")
        panels[0].set_yscale("log")
        low, high = data.limits
        panels[0].set_ylim(low, high)
        _plain_ticks(panels[0].yaxis, low, high, log=True)
        figure.supxlabel("time since the launch's first quad, s", fontsize=9, color=INK)
        _legend(figure, panels[-1])
    return svg.text("quads")


def warm_up(lines: Sequence[WarmLine], unit: str) -> str:
    """Median latency of every warm-up block, in order."""
    with _figure(2.4) as (figure, svg):
        axes = figure.subplots()
        for at, line in enumerate(lines):
            axes.plot(
                np.arange(1, line.values.size + 1),
                line.values,
                color=_series(at),
                linestyle=_DASHES[at // len(_SERIES) % len(_DASHES)],
                linewidth=1.1,
                label=line.label,
            )
        axes.set_xlabel("warm-up block")
        axes.set_ylabel(f"median latency, {unit}")
        _whole_ticks(axes)
        _legend(figure, axes)
    return svg.text("warm")


def conditions(data: ConditionPlot) -> str:
    """One row per condition over all blocks; launches end to end, divided by lines."""
    rows = len(data.rows)
    with _figure(0.5 + 0.95 * rows) as (figure, svg):
        panels = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        for axes, row in zip(panels, data.rows, strict=True):
            for x, y in row.parts:
                axes.plot(x, y, color=_series(0), linewidth=0.9)
            for edge in data.edges[1:]:
                axes.axvline(edge, color=GRID, linewidth=1)
            axes.set_title(row.label, fontsize=9, color=MUTED, loc="left", pad=3)
            axes.margins(x=0.005, y=0.15)
            axes.locator_params(axis="y", nbins=3)
            axes.ticklabel_format(axis="y", useOffset=False, style="plain")
        for edge, name in zip(data.edges, data.names, strict=True):
            panels[0].annotate(
                name,
                (edge, 1),
                xycoords=("data", "axes fraction"),
                xytext=(2, -1),
                textcoords="offset points",
                fontsize=7.5,
                color=MUTED,
                va="top",
            )
        panels[-1].set_xlabel("measured time, launches end to end, s")
    return svg.text("conditions")


def checkpoints(data: CheckpointBars) -> str:
    """Peak of each phase above the imported runtime, by role."""
    with _figure(0.7 + 0.62 * len(data.phases)) as (figure, svg):
        axes = figure.subplots()
        height = 0.8 / max(1, len(data.roles))
        for at, (role, values) in enumerate(data.roles):
            places = np.arange(len(data.phases)) + at * height
            bars = axes.barh(places, values, height * 0.9, color=_role_colour(role), label=role)
            axes.bar_label(
                bars, [f"{value:.1f} MiB" for value in values], padding=4, fontsize=8, color=INK
            )
        axes.set_yticks(np.arange(len(data.phases)) + 0.4 - height / 2, labels=list(data.phases))
        axes.invert_yaxis()
        axes.margins(x=0.14)
        axes.set_xlabel("peak above the imported runtime, MiB (highest launch)")
        _legend(figure, axes)
    return svg.text("memory")


def throughput(batch: Floats, rate: Floats) -> str:
    """Samples per second by batch size."""
    with _figure(2.3) as (figure, svg):
        axes = figure.subplots()
        axes.plot(batch, rate, color=CANDIDATE, marker="o", markersize=4, linewidth=1.1)
        axes.set_xscale("log", base=2)
        axes.set_xticks(batch, labels=[f"{value:.0f}" for value in batch])
        axes.minorticks_off()
        axes.set_ylim(0, 1.12 * float(rate.max()))
        axes.set_xlabel("batch size, log scale")
        axes.set_ylabel("samples / s")
    return svg.text("throughput")


def prompts(curve: PromptCurve) -> str:
    """Time to the first token, and prompt tokens per second, by length of the prompt."""
    with _figure(2.6) as (figure, svg):
        panels = figure.subplots(1, 2)
        drawn = (
            (curve.first, f"time to first token, {curve.unit}, log scale"),
            (curve.rate, "prompt tokens / s"),
        )
        for axes, (values, label) in zip(panels, drawn, strict=True):
            axes.plot(
                curve.tokens, values, color=CANDIDATE, marker="o", markersize=4, linewidth=1.1
            )
            axes.set_xscale("log", base=2)
            axes.set_xticks(curve.tokens, labels=[f"{value:.0f}" for value in curve.tokens])
            axes.minorticks_off()
            axes.set_xlabel("tokens of the prompt, log scale")
            axes.set_ylabel(label)
        panels[0].set_yscale("log")
        low, high = float(curve.first.min()), float(curve.first.max())
        _plain_ticks(panels[0].yaxis, low, high, log=True)
        panels[1].set_ylim(0, 1.12 * float(curve.rate.max()))
    return svg.text("prompts")


def _quad_panel(axes: Axes, panel: QuadPanel, data: QuadPlot) -> None:
    if data.low is not None and data.high is not None:
        axes.axhspan(data.low, data.high, color=BAND, alpha=0.3, lw=0, label="95 % interval")
    if data.point is not None:
        axes.axhline(data.point, color=INK, linewidth=1, label="Hodges-Lehmann")
    if data.limits[0] <= 1 <= data.limits[1]:
        axes.axhline(1, color=MUTED, linewidth=1, linestyle=":", label="equal")
    for edge in panel.stretch_edges_s:
        axes.axvline(edge, color=GRID, linewidth=1)
    for name, marker, colour in (("ABBA", "o", BASELINE), ("BAAB", "^", CANDIDATE)):
        chosen = panel.is_abba if name == "ABBA" else ~panel.is_abba
        axes.plot(
            panel.time_s[chosen],
            panel.ratio[chosen],
            marker,
            color=colour,
            markersize=3.2,
            markeredgewidth=0,
            label=name,
        )


def _series(at: int) -> str:
    return _SERIES[at % len(_SERIES)]


def _role_colour(role: str) -> str:
    return {"candidate": CANDIDATE, "baseline": BASELINE}.get(role, MUTED)


def _legend(figure: Figure, axes: Axes) -> None:
    """Beside the axes, where it can hide nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside right upper",
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        handlelength=1.8,
    )


def _plain_ticks(axis: Any, low: float, high: float, *, log: bool) -> None:
    """Numbers as people write them; on a logarithmic axis 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    spread = high / low if low > 0 else np.inf
    if log and spread > 4:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if spread < 1000 else (1,)))
    elif log:
        axis.set_major_locator(MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axis.set_minor_formatter(NullFormatter())
    if log:
        axis.set_minor_locator(LogLocator(subs=()))


def _counts_axis(axes: Axes, most: int) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    decades = [0, *(10**power for power in range(0, len(str(most)) + 1) if 10**power <= most)]
    axes.yaxis.set_major_locator(FixedLocator(decades))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _whole_ticks(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.ticklabel_format(axis="y", useOffset=False, style="plain")


class _Svg:
    """What a figure becomes when it is done."""

    def __init__(self) -> None:
        self.raw = ""

    def text(self, prefix: str) -> str:
        """The `svg` element, its ids unique to `prefix`, its colours the page's."""
        svg = self.raw[self.raw.index("<svg") :]
        svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
        svg = re.sub(r' id="([^"]*)"', rf' id="{prefix}-\1"', svg)
        svg = re.sub(r"url\(#([^)]*)\)", rf"url(#{prefix}-\1)", svg)
        svg = re.sub(r'xlink:href="#([^"]*)"', rf'xlink:href="#{prefix}-\1"', svg)
        svg = re.sub(
            r'<svg ([^>]*?)height="[^"]*" ([^>]*?)width="[^"]*"', r"<svg \1\2", svg, count=1
        )
        svg = re.sub(
            r'<svg ([^>]*?)width="[^"]*" ([^>]*?)height="[^"]*"', r"<svg \1\2", svg, count=1
        )
        svg = svg.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
        for colour, variable in _VARIABLES.items():
            svg = svg.replace(colour, f"var({variable})")
        return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1).strip()


@contextmanager
def _figure(height_in: float) -> Iterator[tuple[Figure, _Svg]]:
    """A figure in the page's style; its SVG is in the second value afterwards.

    Raises:
        Unavailable: `LIBRARY_MISSING`, matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise Unavailable(
            Code.LIBRARY_MISSING, f"A report needs {error.name}, which is not installed."
        ) from error
    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "bitgauge",
        "font.family": "DejaVu Sans",
        "font.size": 8.5,
        "axes.edgecolor": GRID,
        "axes.labelcolor": INK,
        "axes.titlecolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.5,
        "text.color": INK,
        "xtick.color": GRID,
        "ytick.color": GRID,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "path.simplify": True,
    }
    svg = _Svg()
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
        figure.patch.set_alpha(0)
        yield figure, svg
        for axes in figure.axes:
            axes.patch.set_alpha(0)
        target = io.StringIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(target, format="svg", metadata=nothing, transparent=True)
        svg.raw = target.getvalue()
