"""Values of a choice of format: the question, the candidates, the answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..enums import (
    FormatFamily,
    HardwareClass,
    ModelClass,
    Objective,
)
from .digests import Digest
from .jobs import Workload
from .runs import MetricValue


@dataclass(frozen=True, slots=True)
class SelectQuery:
    """A question: which format, for what, within which limits; an unset limit limits nothing.

    `artifact`, a label or the start of a digest, asks about one file of an owner's alone; `runtime`
    about what one runtime executes, and its baseline.

    `confidence` is the share of draws in which each limit has to hold, on every unit of evidence.
    Of a decoder `max_ttft_ns` limits the time to the first token, `min_tokens_per_s` the output
    tokens of one request, `max_perplexity_ratio` the perplexity against the baseline's.
    Use and prices are for the break-even: what a day of use costs, and what it costs once to ship
    another format; prices are in one currency, whichever.
    """

    model_class: ModelClass
    hardware_class: HardwareClass
    model_name: str | None = None
    workload: Workload = field(default_factory=Workload)
    max_accuracy_loss_pp: float | None = None
    max_latency_ns: float | None = None
    max_size_bytes: int | None = None
    max_size_ratio: float | None = None
    objective: Objective = Objective.LATENCY
    allow_saturating: bool = False
    max_latency_p90_ns: float | None = None
    max_latency_p99_ns: float | None = None
    min_throughput_per_s: float | None = None
    max_peak_memory_bytes: int | None = None
    max_energy_mj: float | None = None
    max_age_s: int | None = None
    min_devices: int | None = None
    confidence: float = 0.95
    inferences_per_day: float | None = None
    price_per_hour: float | None = None
    energy_price_per_kwh: float | None = None
    switch_cost: float | None = None
    payback_days: float = 365.0
    artifact: str | None = None
    runtime: str | None = None
    max_ttft_ns: float | None = None
    min_tokens_per_s: float | None = None
    max_perplexity_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One recipe in an answer: its rows, and every reason for which it was rejected.

    Of those that may be chosen, `p_best` is the share of draws in which it is the best, `p_front`
    that in which nothing dominates it, `regret` what it loses against the best on average,
    relative (0.02 is 2 %).
    """

    recipe: str
    family: FormatFamily
    eligible: bool
    reasons: tuple[str, ...] = ()
    latency_ratio: MetricValue = field(default_factory=lambda: MetricValue("latency_ratio"))
    size_ratio: MetricValue = field(default_factory=lambda: MetricValue("size_ratio"))
    accuracy_delta_pp: MetricValue = field(default_factory=lambda: MetricValue("accuracy_delta_pp"))
    run_ids: tuple[str, ...] = ()
    p_best: float | None = None
    p_front: float | None = None
    regret: float | None = None
    label: str = ""
    artifact: Digest | None = None
    runtime: str = ""
    perplexity_ratio: MetricValue = field(default_factory=lambda: MetricValue("perplexity_ratio"))
    tpot_ratio: MetricValue = field(default_factory=lambda: MetricValue("tpot_ratio"))


@dataclass(frozen=True, slots=True)
class SettlingJob:
    """A job that would settle what is open about one recipe, and about how long it takes."""

    recipe: str
    why: str
    command: str
    minutes: float


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From how many inferences on another format pays; None where it never does.

    `low` and `high` bound `inferences` at 95 %; `high` is None when the saving may be none.
    """

    recipe: str
    saving_per_million: float
    inferences: float | None = None
    low: float | None = None
    high: float | None = None
    days: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer of a selection.

    `outcome` is `format`, `tie`, `keep_fp32`, `undecided`, `none_meets` (a limit that nothing
    measured keeps, fp32 included), `unsound_baseline` (nothing can be compared with any baseline)
    or `nothing_measured`. `nearest` says what was measured
    elsewhere, `path` how the answer came about.
    """

    outcome: str
    recipe: str
    family: FormatFamily
    sentence: str
    candidates: tuple[Candidate, ...] = ()
    alternatives: tuple[str, ...] = ()
    next_command: str | None = None
    warnings: tuple[str, ...] = ()
    front: tuple[str, ...] = ()
    settling: tuple[SettlingJob, ...] = ()
    break_even: BreakEven | None = None
    nearest: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    label: str = ""
    artifact: Digest | None = None
    runtime: str = ""
