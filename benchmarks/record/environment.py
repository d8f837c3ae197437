"""The group `environment` of a record: conditions before and over all timed blocks of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..raw.files import RawFiles
from ..raw.pair import apart_samples, pair_samples
from ..samples import BlockConditions, Floats
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.reasons import FOREIGN_LOAD, NO_RAW_DATA, NOT_READABLE, SHARED
from .facts import Fact, number_fact, text_fact
from .record import Environment
from .sources import Sources


def environment(sources: Sources) -> Environment:
    """What surrounded the timed blocks, also as those judged it who made the numbers."""
    raw_files = sources.raw_files
    absolute, ratio = sources.metric("latency_p50_ns"), sources.metric("latency_ratio")
    blocks = _blocks(sources)
    before = _preflight(raw_files)
    why = NOT_READABLE if blocks else _why(raw_files)
    flags = {*absolute.flags, *ratio.flags}
    measured = absolute.value is not None or ratio.value is not None
    foreign = sources.details("latency_ratio", why).number("foreign_cpu_pct")
    alone = sources.details("latency_p50_ns", why).number("foreign_cpu_pct")
    hottest = _celsius(str(before.get("temperatures_c", "")))

    def over(name: str, of: Callable[[Floats], float]) -> Fact[float]:
        """Of what the blocks tell of one condition, the most, the sum, ..."""
        values = _finite(blocks, name)
        return Fact(float(of(values))) if values.size else Fact(reason=why)

    return Environment(
        metrics=sources.group("environment"),
        governor=_text(before, "governor", why),
        boost=_text(before, "boost", why),
        smt=_text(before, "smt", why),
        psi_cpu_before_pct=_number(before, "psi_cpu_avg10", why),
        psi_cpu_max_pct=over("psi_some_avg10", np.max),
        steal_ticks=over("steal_ticks", np.sum),
        foreign_cpu_pct=foreign if foreign.value is not None else alone,
        load_1m_max=over("load_1m", np.max),
        clock_before_mhz=over("clock_mhz", _first),
        clock_min_mhz=over("clock_mhz", np.min),
        clock_after_mhz=over("clock_mhz", _last),
        nominal_clock_mhz=_number(before, "nominal_mhz", why),
        throttle_events=over("throttle_count", np.sum),
        temperature_before_c=over("temperature_c", _first)
        if hottest is None
        else number_fact(hottest, why),
        temperature_max_c=over("temperature_c", np.max),
        temperature_after_c=over("temperature_c", _last),
        thermal_status_max=over("thermal_status", np.max),
        power_supply=_text(before, "power_supply", why),
        shared=Fact(SHARED in flags) if measured else Fact(reason=why),
        foreign_load=Fact(FOREIGN_LOAD in flags) if measured else Fact(reason=why),
        memory_clock_min_mhz=over("memory_clock_mhz", np.min),
        power_max_w=over("power_mw", lambda found: np.max(found) / 1e3),
        performance_state_max=over("performance_state", np.max),
        foreign_processes_max=over("foreign_processes", np.max),
        thermal_slowdown_ms=over("thermal_slowdown_ns", _milliseconds),
        power_slowdown_ms=over("power_slowdown_ns", _milliseconds),
        sync_slowdown_ms=over("sync_slowdown_ns", _milliseconds),
    )


def _blocks(sources: Sources) -> list[BlockConditions]:
    pair = sources.raw_files.parsed(PassName.PAIR, RawRole.BOTH, pair_samples)
    absolute = [one.conditions for one in sources.absolute()]
    turns = [
        one
        for role in (RawRole.BASELINE, RawRole.CANDIDATE)
        for one in sources.raw_files.parsed(PassName.PAIR, role, apart_samples)
    ]
    turns.sort(key=lambda one: (one.quad, one.place))
    return [*absolute, *(one.conditions for one in pair), *(one.conditions for one in turns)]


def _preflight(raw_files: RawFiles) -> dict[str, object]:
    """The state of the machine before the first timed launch that tells it."""
    for pass_name in (PassName.ABSOLUTE, PassName.PAIR):
        for one in raw_files.of(pass_name):
            found = one.raw.meta.get("preflight") if one.raw is not None else None
            if isinstance(found, dict):
                return found
    return {}


def _why(raw_files: RawFiles) -> str:
    problem = raw_files.why_none(PassName.ABSOLUTE, "")
    return problem or raw_files.why_none(PassName.PAIR, NO_RAW_DATA)


def _text(facts: dict[str, object], name: str, reason: str) -> Fact[str]:
    value = facts.get(name)
    return text_fact(None if value is None else str(value), reason)


def _number(facts: dict[str, object], name: str, reason: str) -> Fact[float]:
    value = facts.get(name)
    return number_fact(value if isinstance(value, int | float) else None, reason)


def _finite(blocks: Sequence[BlockConditions], name: str) -> Floats:
    columns = [getattr(one, name) for one in blocks]
    values: Floats = np.concatenate(columns) if columns else np.empty(0)
    return values[np.isfinite(values)]


def _milliseconds(values: Floats) -> float:
    return float(values.sum()) / 1e6


def _first(values: Floats) -> float:
    return float(values[0])


def _last(values: Floats) -> float:
    return float(values[-1])


def _celsius(text: str) -> float | None:
    """The hottest of `x86_pkg_temp=61.5 acpitz=40.0`."""
    found = []
    for word in text.split():
        try:
            found.append(float(word.rpartition("=")[2]))
        except ValueError:
            continue
    return max(found, default=None)
