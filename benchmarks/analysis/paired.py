"""Candidate / baseline from quads in which both took turns in one process (A-8)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..samples import Floats
from ..stats.paired import LEVEL, difference_of, pool_launches, verdict_of
from ..vocabulary.reasons import UNSTEADY_RATIO, WIDE_INTERVAL
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.runs import MetricValue
from .facts import RunFacts, items


def paired_ratio(
    key: str,
    ratios: Sequence[Floats],
    facts: RunFacts,
    *,
    flags: Iterable[str],
    detail: tuple[StackItem, ...],
    stopped: Iterable[str],
) -> MetricValue | None:
    """The ratio with its interval and its verdict, which shares its error among the formats.

    Args:
        key: of the metric.
        ratios: logarithms of the ratio of each quad, one array per launch.
        facts: of the run.
        flags: what qualifies every number of these launches.
        detail: what was discarded, and what surrounded them.
        stopped: why each launch had no more quads.

    Returns:
        None where there are too few quads for an interval.
    """
    level = 1 - (1 - LEVEL) / facts.comparisons
    shown, judged = pool_launches(ratios), pool_launches(ratios, level)
    if shown is None or judged is None:
        return None
    margin = facts.plan.margin
    wide = (WIDE_INTERVAL,) if shown.interval.half_width > margin / 2 else ()
    unsteady = (UNSTEADY_RATIO,) if shown.method == "stretches" else ()
    quads = sum(one.size for one in ratios)
    return MetricValue(
        key=key,
        value=math.exp(shown.interval.point),
        low=math.exp(shown.interval.low),
        high=math.exp(shown.interval.high),
        n=quads,
        verdict=verdict_of(judged.interval, margin),
        difference=difference_of(shown.interval),
        flags=(*flags, *wide, *unsteady),
        detail=(
            *items(
                quads=quads,
                launches=len(ratios),
                method=shown.method,
                between_variance=shown.between,
                within_variance=shown.within,
                margin=margin,
                verdict_level=level,
                stopped=",".join(sorted(set(stopped))),
            ),
            *detail,
        ),
    )
