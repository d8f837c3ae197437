"""The latency ratio from launches that take turns, each with one artifact alone."""

from __future__ import annotations

import math

import numpy as np

from ..raw.container import RawFile
from ..raw.pair import apart_samples
from ..samples import BASELINE, CANDIDATE, ApartSamples
from ..stats.apart import ORDERS, Launch, apart_interval, by_quad, launch_log_ratios
from ..stats.discards import Discarded, kept_apart, quad_durations_ns, together
from ..stats.paired import LEVEL, difference_of, verdict_of
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.profiles import PLACES
from ..vocabulary.reasons import APART, INSUFFICIENT_SAMPLES, NO_ROOM, WIDE_INTERVAL
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, invalid, items, null
from .timed import launch_detail, launch_flags, nominal_mhz, told_flags

KEY = "latency_ratio"
_SIDES = ((RawRole.BASELINE, BASELINE), (RawRole.CANDIDATE, CANDIDATE))


def is_apart(groups: Groups) -> bool:
    """Whether the pair launches of a run held one artifact each."""
    return any((PassName.PAIR, role) in groups for role, _ in _SIDES)


def apart_ratio(groups: Groups, facts: RunFacts) -> MetricValue:
    """Candidate / baseline over quads of launches, with Student's interval.

    Raises:
        BadInput: code `bad_raw`, the launches do not take turns as they must.
    """
    if (PassName.PAIR, RawRole.BOTH) in groups:
        raise _bad("hold both artifacts and one")
    read = [
        (raw, letter, apart_samples(raw))
        for role, letter in _SIDES
        for raw in groups.get((PassName.PAIR, role), ())
    ]
    kept = [_kept(raw, letter, samples) for raw, letter, samples in read]
    _require_turns([Launch(one.quad, one.place, letter, 1.0) for _, letter, one in read])
    discarded = together([one for _, one in kept])
    around = [(one.conditions, quad_durations_ns(one)) for _, _, one in read]
    detail = launch_detail(around, discarded)
    if discarded.invalid:
        return invalid(KEY, detail)
    launches = [one for one, _ in kept if one is not None]
    ratios = launch_log_ratios(launches)
    verdict_level = 1 - (1 - LEVEL) / facts.comparisons
    shown, judged = apart_interval(ratios), apart_interval(ratios, verdict_level)
    if shown is None or judged is None:
        return null(KEY, INSUFFICIENT_SAMPLES, quads=ratios.size, launches=len(launches))
    few = ratios.size < facts.plan.apart_quads
    flags = launch_flags(facts, few, [one.warm for _, _, one in read], around, discarded)
    margin = facts.plan.margin
    wide = (WIDE_INTERVAL,) if shown.half_width > margin / 2 else ()
    why = (NO_ROOM,) if any(one.no_room for _, _, one in read) else ()
    return MetricValue(
        key=KEY,
        value=math.exp(shown.point),
        low=math.exp(shown.low),
        high=math.exp(shown.high),
        n=ratios.size,
        verdict=verdict_of(judged, margin),
        difference=difference_of(shown),
        flags=(*flags, *told_flags([raw for raw, _, _ in read]), *wide, APART, *why),
        detail=(
            *items(
                quads=ratios.size,
                launches=len(launches),
                method=APART,
                degrees_of_freedom=ratios.size - 1,
                between_variance=float(np.var(ratios, ddof=1)),
                margin=margin,
                verdict_level=verdict_level,
                stopped=",".join(sorted({one.stopped for _, _, one in read})),
            ),
            *detail,
        ),
    )


def _kept(raw: RawFile, letter: int, samples: ApartSamples) -> tuple[Launch | None, Discarded]:
    """A launch by the median of its blocks that count; None when there are none."""
    left, discarded = kept_apart(samples, nominal_mhz(raw))
    if not left.value_ns.size:
        return None, discarded
    return Launch(left.quad, left.place, letter, float(np.median(left.value_ns))), discarded


def _require_turns(launches: list[Launch]) -> None:
    """Refuse what would hide a drift in the ratio: quads in another order than A B B A."""
    for quad, of in by_quad(launches).items():
        letters = tuple(one.letter for one in of)
        whole = [one.place for one in of] == list(range(PLACES))
        if not whole or letters not in ORDERS:
            raise _bad(f"of quad {quad} are not in the order A B B A or B A A B")


def _bad(what: str) -> BadInput:
    return BadInput(Code.BAD_RAW, f"The launches of pass {PassName.PAIR.value} {what}.")
