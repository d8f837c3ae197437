"""What each profile buys: the one place that holds the numbers of the measuring protocol.

Sources: measurement.md A-5 (warm-up), A-6 (absolute latency), A-8 (quads), A-12 (profiles) and
B-1 (memory launches). Margins are relative (0.02 is 2 %); times are nanoseconds.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from .enums import PassName, Profile, Scenario
from .errors import BadInput, Code
from .session_options import session_words
from .values.jobs import NO_OVERRIDES, JobSpec, Overrides

MEASURING_VERSION = 1
"""Raised when the protocol changes so that older numbers are not comparable: cells become stale."""

ANALYSIS_VERSION = 6
"""Raised when stored runs are to be computed again (`analyse`)."""

MAX_LATENCIES_PER_LAUNCH = 1_000_000
"""Single latencies kept per launch; beyond, a uniform reservoir and the true count."""

MIN_QUADS = 20
"""Quads that are measured even when a call is so slow that the pair budget is spent."""

MAX_OVERRUN = 10
"""Pair budgets after which even those quads are no longer waited for."""

PLACES = 4
"""Launches in a quad of launches, A B B A or B A A B, where baseline and candidate go apart."""

MAX_APART_QUADS = 30
"""Most quads of launches, however many launches are asked for: so many raw files a report bears,
and Student's t is 4 % from its limit."""

MIN_APART_QUADS = 2
"""Fewest quads of launches: one has no spread, and without it there is no interval."""

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000

MIN_SUSTAINED_NS = 120 * SECOND_NS
"""Below this a first and a last minute overlap, and `sustained` would compare nothing."""


@dataclass(frozen=True, slots=True)
class ProfilePlan:
    """How much is measured under one profile.

    Attributes:
        pair_launches: fresh processes that each hold baseline and candidate.
        quads: quads per launch, and how many are added at a time.
        max_quads: quads per launch after which no more are added.
        pair_budget_ns: time in quads after which no more are measured, once `MIN_QUADS` exist.
        block_ns: shortest duration of one block.
        min_block_iterations: fewest counted iterations of one block.
        margin: relative difference below which two latencies count as the same.
        absolute_launches: fresh processes for the absolute latency.
        absolute_timed_ns: timed nanoseconds in each of them.
        absolute_min_launches: launches after which measuring may end early.
        absolute_half_width: relative half-width of the interval over launches at which it does;
            None: every launch is measured.
        memory_launches: fresh processes for peak memory.
        no_arena_launches: one process more each, with the runtime's arena off (B-5).
        warmup_min_ns: shortest warm-up.
        warmup_min_iterations: fewest iterations of a warm-up.
        energy_quads: quads of windows of the energy meter; 0: energy is not measured.
        energy_idle_ns: of doing nothing, before and after them.
        warmup_cap_ns: longest warm-up; past it the launch is flagged `no_steady_state`.
    """

    pair_launches: int
    quads: int
    max_quads: int
    pair_budget_ns: int
    absolute_launches: int
    absolute_timed_ns: int
    memory_launches: int
    warmup_min_ns: int
    warmup_cap_ns: int
    warmup_min_iterations: int = 10
    block_ns: int = 5_000_000
    min_block_iterations: int = 5
    margin: float = 0.02
    absolute_min_launches: int = 5
    absolute_half_width: float | None = None
    no_arena_launches: int = 1
    throughput_point_ns: int = 10 * SECOND_NS
    sweeps_always: bool = True
    energy_quads: int = 3
    energy_idle_ns: int = 10 * SECOND_NS

    @property
    def apart_quads(self) -> int:
        """Quads of launches where baseline and candidate do not share a process.

        Fresh processes are the unit of replication then, as they are of the absolute latency.
        """
        wanted = max(self.pair_launches, self.absolute_launches)
        return min(max(MIN_APART_QUADS, wanted), MAX_APART_QUADS)

    @property
    def apart_budget_ns(self) -> int:
        """Time in blocks of one such launch: a quad of four may take what a pair launch may."""
        return self.pair_budget_ns // PLACES

    def sweeps(self, scenario: Scenario) -> bool:
        """Whether throughput is measured over batches."""
        return self.sweeps_always or scenario is Scenario.OFFLINE


PLANS: dict[Profile, ProfilePlan] = {
    Profile.QUICK: ProfilePlan(
        pair_launches=1,
        quads=60,
        max_quads=120,
        pair_budget_ns=6 * SECOND_NS,
        absolute_launches=3,
        absolute_timed_ns=SECOND_NS,
        memory_launches=3,
        no_arena_launches=0,
        energy_quads=0,
        warmup_min_ns=200_000_000,
        warmup_cap_ns=3 * SECOND_NS,
        throughput_point_ns=SECOND_NS // 2,
        sweeps_always=False,
    ),
    Profile.STANDARD: ProfilePlan(
        pair_launches=3,
        quads=60,
        max_quads=180,
        pair_budget_ns=60 * SECOND_NS,
        absolute_launches=5,
        absolute_timed_ns=10 * SECOND_NS,
        memory_launches=3,
        warmup_min_ns=SECOND_NS,
        warmup_cap_ns=30 * SECOND_NS,
    ),
    Profile.CERTIFIED: ProfilePlan(
        pair_launches=5,
        quads=60,
        max_quads=300,
        pair_budget_ns=300 * SECOND_NS,
        absolute_launches=15,
        absolute_timed_ns=10 * SECOND_NS,
        memory_launches=5,
        warmup_min_ns=SECOND_NS,
        warmup_cap_ns=30 * SECOND_NS,
        absolute_half_width=0.02,
    ),
    Profile.SUSTAINED: ProfilePlan(
        pair_launches=3,
        quads=60,
        max_quads=180,
        pair_budget_ns=60 * SECOND_NS,
        absolute_launches=1,
        absolute_timed_ns=600 * SECOND_NS,
        memory_launches=3,
        warmup_min_ns=SECOND_NS,
        warmup_cap_ns=30 * SECOND_NS,
        sweeps_always=False,
    ),
}


DECODER_PASSES = frozenset(PassName) - {
    PassName.QUALITY,
    PassName.NUMERICS,
    PassName.OPERATORS,
    PassName.THROUGHPUT,
}
"""What a decoder can be measured by: requests and texts, but no samples, batches or operators."""


def passes_of(scenario: Scenario) -> frozenset[PassName]:
    """The passes that can be planned in a scenario."""
    if scenario is Scenario.LLM:
        return DECODER_PASSES
    return frozenset(PassName) - {PassName.GENERATION, PassName.PERPLEXITY}


def floor_plan(plan: ProfilePlan) -> ProfilePlan:
    """How the empty model is timed: it settles at once, and its floor needs no long look."""
    return replace(
        plan,
        absolute_timed_ns=min(plan.absolute_timed_ns, SECOND_NS),
        warmup_min_ns=min(plan.warmup_min_ns, SECOND_NS),
        warmup_cap_ns=min(plan.warmup_cap_ns, 3 * SECOND_NS),
    )


def plan_of(profile: Profile, overrides: Overrides = NO_OVERRIDES) -> ProfilePlan:
    """What `profile` buys, with what is overridden put in its place."""
    plan = PLANS[profile]
    if overrides.warmup_ms is not None:
        shortest = overrides.warmup_ms * MILLISECOND_NS
        plan = replace(
            plan, warmup_min_ns=shortest, warmup_cap_ns=max(shortest, plan.warmup_cap_ns)
        )
    if overrides.launches is not None:
        # Who names a number gets it, however precise fewer would have been.
        plan = replace(
            plan,
            pair_launches=overrides.launches,
            absolute_launches=overrides.launches,
            absolute_half_width=None,
        )
    if overrides.budget_ms is not None:
        budget = overrides.budget_ms * MILLISECOND_NS
        point = min(budget, plan.throughput_point_ns)
        plan = replace(
            plan, pair_budget_ns=budget, absolute_timed_ns=budget, throughput_point_ns=point
        )
    return plan


MAX_WARMUP_MS = 600_000
MAX_LAUNCHES = 100
MIN_BUDGET_MS = 10
MAX_BUDGET_MS = 7_200_000


def overrides_problem(overrides: Overrides, profile: Profile) -> str | None:
    """Why these overrides cannot be measured, as part of a sentence; None when they can."""
    warmup, launches, budget = overrides.warmup_ms, overrides.launches, overrides.budget_ms
    if warmup is not None and not 0 <= warmup <= MAX_WARMUP_MS:
        return f"warm-up {words(warmup)} is not 0 s to {words(MAX_WARMUP_MS)}"
    if launches is not None and not 1 <= launches <= MAX_LAUNCHES:
        return f"launches {launches} is not 1 to {MAX_LAUNCHES}"
    if budget is None:
        return None
    if not MIN_BUDGET_MS <= budget <= MAX_BUDGET_MS:
        return f"budget {words(budget)} is not {words(MIN_BUDGET_MS)} to {words(MAX_BUDGET_MS)}"
    needed = MIN_SUSTAINED_NS // MILLISECOND_NS
    if profile is Profile.SUSTAINED and budget < needed:
        return (
            f"budget {words(budget)} is too short for profile sustained, which compares the last"
            f" minute with the first and needs {words(needed)}"
        )
    return None


def require_overrides(overrides: Overrides, profile: Profile) -> Overrides:
    """`overrides`, when they can be measured.

    Raises:
        BadInput: code `bad_argument`, with what is wrong.
    """
    problem = overrides_problem(overrides, profile)
    if problem:
        raise BadInput(Code.BAD_ARGUMENT, f"This cannot be measured: {problem}.")
    return overrides


def buys_less(overrides: Overrides, profile: Profile) -> bool:
    """Whether less is measured than the profile promises, so that its name says too much."""
    plan = PLANS[profile]
    launches, budget, warmup = overrides.launches, overrides.budget_ms, overrides.warmup_ms
    return (
        (launches is not None and launches < max(plan.pair_launches, plan.absolute_launches))
        or (budget is not None and budget * MILLISECOND_NS < plan.absolute_timed_ns)
        or (warmup is not None and warmup * MILLISECOND_NS < plan.warmup_min_ns)
    )


def overrides_words(overrides: Overrides) -> str:
    """`launches 2, budget 500 ms`; empty when nothing is overridden."""
    if overrides == NO_OVERRIDES:
        return ""
    parts = []
    if overrides.warmup_ms is not None:
        parts.append(f"warm-up {words(overrides.warmup_ms)}")
    if overrides.launches is not None:
        parts.append(f"launches {overrides.launches}")
    if overrides.budget_ms is not None:
        parts.append(f"budget {words(overrides.budget_ms)}")
    if overrides.session_options:
        parts.append(session_words(overrides.session_options))
    return ", ".join(parts)


def words(milliseconds: int) -> str:
    """A time for people: `250 ms`, `1.5 s`, `10 min`."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000 or milliseconds % 60_000:
        return f"{milliseconds / 1000:g} s"
    return f"{milliseconds // 60_000} min"


HEADROOM = 1.3
"""A deadline that is proposed leaves so much more: half of a job of many launches is no window."""

_BLOCKS_PER_QUAD = 4


def go_apart(own: str, other: str, alone: Collection[str]) -> bool:
    """Whether two artifacts are timed in launches of their own.

    Args:
        own: runtime of one of them.
        other: of the other.
        alone: runtimes whose libraries are not timed beside another's in one process.
    """
    return own != other and not {own, other}.isdisjoint(alone)


def shortest_s(spec: JobSpec, alone: Collection[str] = ()) -> float:
    """Seconds inside timed windows that every run of `spec` has to spend.

    `alone` are runtimes that are not timed beside another; see `go_apart`.

    A profile that may end early counts with its fewest launches and quads. Energy is left out: a
    device without a meter spends nothing on it. Builds and waiting take no running time.
    """
    plan = plan_of(spec.profile, spec.overrides)
    wanted = passes_of(spec.workload.scenario).intersection(spec.passes or PassName)
    launches = plan.absolute_launches
    if plan.absolute_half_width is not None:
        launches = min(launches, plan.absolute_min_launches)
    absolute_ns = launches * (plan.warmup_min_ns + plan.absolute_timed_ns)
    entries, floor = len(spec.entries), floor_plan(plan)
    total_ns = 0
    if PassName.ABSOLUTE in wanted:
        total_ns += floor.warmup_min_ns + floor.absolute_timed_ns + entries * absolute_ns
    if PassName.THROUGHPUT in wanted and plan.sweeps(spec.workload.scenario):
        total_ns += entries * plan.throughput_point_ns
    if PassName.PAIR in wanted:
        for entry in spec.entries[1:]:
            apart = go_apart(entry.runtime or spec.runtime, spec.runtime, alone)
            total_ns += (_apart_ns if apart else _pair_ns)(plan)
            if PassName.GENERATION in wanted and not apart:
                total_ns += _pair_ns(plan)
    if PassName.GENERATION in wanted:
        total_ns += entries * absolute_ns
    return total_ns / SECOND_NS


def _pair_ns(plan: ProfilePlan) -> int:
    quads_ns = plan.quads * _BLOCKS_PER_QUAD * plan.block_ns
    return plan.pair_launches * (plan.warmup_min_ns + min(quads_ns, plan.pair_budget_ns))


def _apart_ns(plan: ProfilePlan) -> int:
    blocks_ns = min(plan.quads * plan.block_ns, plan.apart_budget_ns)
    return PLACES * plan.apart_quads * (plan.warmup_min_ns + blocks_ns)


def deadline_warning(spec: JobSpec, alone: Collection[str] = ()) -> str | None:
    """A sentence about a deadline that cannot be met, with one that can; None when it may be.

    `alone` is as for `shortest_s`.
    """
    least_s = shortest_s(spec, alone)
    if least_s <= spec.deadline_s:
        return None
    enough_s = 60 * math.ceil(HEADROOM * least_s / 60)
    return (
        f"{len(spec.entries)} entries under profile {spec.profile.value} are timed for at least"
        f" {lasting(least_s)}, which is more than the deadline of {lasting(spec.deadline_s)}: what"
        f" is not measured by then will fail. Give --deadline {enough_s}, or fewer recipes."
    )


def lasting(seconds: float) -> str:
    """A duration for people, rounded up: `40 s`, `12 min`, `2 h 5 min`."""
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
