"""What of a profile a user may override, and how that is said; the profile stays part of the row.

Everything here is in the row key: two numbers that were taken with different warm-ups, launches,
budgets or session options are two rows, never one history.
"""

from __future__ import annotations

from .errors import BadInput, Code
from .model import NO_OVERRIDES, Overrides
from .profiles import MILLISECOND_NS, MIN_SUSTAINED_NS, PLANS
from .session_options import session_words
from .vocabulary import Profile

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
