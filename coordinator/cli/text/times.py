"""Where the seconds of a run went, as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.raw.spent import PHASES, Spent
from bitgauge.benchmarks.vocabulary.shown import DASH
from bitgauge.benchmarks.vocabulary.values.runs import RunView

from .layout import columns

_HEADS = ("pass", "about", "launches", *(name.replace("_", "-") for name in PHASES), "seconds")


def times_text(run: RunView, spent: Sequence[Spent], shared: Sequence[Spent]) -> str:
    """One line for each pass, then what the children cannot tell.

    Args:
        run: the run.
        spent: its own launches.
        shared: those that the baseline's run made, and that took this run nothing.
    """
    took_s = (run.ended_unix_ns - run.started_unix_ns) / 1e9
    head = f"run {run.run_id}: {run.recipe} on {run.device_name}, {took_s:.1f} s"
    if not spent:
        return f"{head}\nIts raw files do not tell where they went: an older agent made them."
    lines = [_line(one) for one in spent]
    between_s = max(took_s - sum(one.total_s for one in spent), 0.0)
    blank = [DASH] * (len(PHASES) + 2)
    lines.append(("between launches", *blank, f"{between_s:.1f}"))
    told = [head, *columns(lines, _HEADS, right=range(2, len(_HEADS)), ruled=True)]
    if shared:
        saved_s = sum(one.total_s for one in shared)
        count = sum(one.launches for one in shared)
        told.append(f"Taken from the baseline's run: {count} launches of {saved_s:.1f} s.")
    told.append(
        "start: confinement, interpreter and libraries, until the artifact is loaded."
        " between launches: fetching, writing, reporting."
    )
    return "\n".join(told)


def _line(one: Spent) -> tuple[str, ...]:
    phases = (f"{one.phase_s[phase]:.1f}" if phase in one.phase_s else DASH for phase in PHASES)
    return (one.pass_name, one.role, str(one.launches), *phases, f"{one.total_s:.1f}")
