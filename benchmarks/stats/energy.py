"""Energy per inference from windows of a meter: the rules of measurement.md C, as pure functions.

Energies are millijoules, powers milliwatts, times nanoseconds of one monotonic clock. Nothing
here is modelled: what a meter did not show is None, with a reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..samples import (
    ARRAYS,
    BASELINE,
    CANDIDATE,
    MW_TO_MJ_PER_NS,
    SLOWDOWNS,
    EnergySamples,
    Floats,
)
from ..vocabulary.reasons import (
    INSUFFICIENT_SAMPLES,
    METER_WITHOUT_RESPONSE,
    METERS_DISAGREE,
    SHARED_DEVICE,
    WINDOW_TOO_SHORT,
)
from .discards import POWER, SYNC, THROTTLE, Discarded, sorted_out
from .student import student_quantile

BARE_IDLE, LOADED_IDLE = 2, 3
"""Letters of windows in which nothing runs: without any session, and with all of them resident."""

MIN_WINDOW_NS = 5_000_000_000
MIN_PERIODS = 50
MIN_WINDOWS = 5
MIN_SCATTERED_WINDOWS = 8
"""Windows of a meter that does not see all the time: their phases have to be scattered (C-3)."""

MIN_DROPPED_NS = 1_000_000_000
MAX_DISAGREEMENT = 0.10
"""How far two meters of the same thing may differ, of what the better one shows (C-3)."""

TOO_SHORT = 4
"""Added to the letter of a window that was measured again, longer (C-5)."""

MIN_RESPONSE = 1.05
MAX_FOREIGN_SHARE = 0.01
MAX_SPREAD = 0.01
RATIO_U_GAIN = 0.01
"""What is left of the gain's uncertainty in a ratio on one device (C-6)."""

_COVERAGE = 1.96


def window_ns(update_period_ns: int) -> int:
    """Shortest window of a meter with this update period (C-3)."""
    return max(MIN_WINDOW_NS, MIN_PERIODS * update_period_ns)


def is_scattered(update_period_ns: int, averaging_window_ns: int, *, counts: bool) -> bool:
    """Whether a meter sees less than all the time, so that trials begin anywhere in its period.

    Args:
        update_period_ns: between its new values, as it says.
        averaging_window_ns: how much of that it sees; 0 where unknown.
        counts: whether it is a counter; a power meter is polled.
    """
    return not counts or 0 < averaging_window_ns < update_period_ns


def dropped_ns(update_period_ns: int, averaging_window_ns: int) -> int:
    """What is not counted at the beginning of such a trial: max(1 s, 2 x rise time) (C-3).

    A mean over some time has risen after that time, and is shown an update period later at most.
    """
    return max(MIN_DROPPED_NS, 2 * (update_period_ns + averaging_window_ns))


def counted(samples: EnergySamples) -> tuple[EnergySamples, Discarded]:
    """The windows in which nothing slowed the device down, and what does not count (A-9).

    Of a quad all windows count or none, as its symmetry against drift is what the ratio rests on.
    A counter that fell belongs to another driver than the one before: nothing is proved then.
    """
    with np.errstate(invalid="ignore"):
        hits = {
            cause: np.abs(getattr(samples, name)) > 0
            for cause, name in zip((THROTTLE, POWER, SYNC), SLOWDOWNS, strict=True)
        }
    timed = np.flatnonzero(samples.letter <= CANDIDATE)
    together = 4 if np.any(samples.letter == BASELINE) else 2
    for hit in hits.values():
        for begin in range(0, timed.size, together):
            quad = timed[begin : begin + together]
            hit[quad] = np.any(hit[quad])
        hit[samples.letter >= TOO_SHORT] = False
    kept, discarded = sorted_out(hits, samples.letter.size)
    discarded = replace(discarded, of=int((samples.letter < TOO_SHORT).sum()))
    return replace(samples, **{name: getattr(samples, name)[kept] for name in ARRAYS}), discarded


def relative_spread(per_inference_mj: Floats) -> float:
    """Standard deviation over mean; infinite of fewer than two windows."""
    if per_inference_mj.size < 2:
        return math.inf
    return float(per_inference_mj.std(ddof=1) / per_inference_mj.mean())


class Backwards(Exception):
    """A counter showed less than before and did not come round."""


class Unwrapped:
    """A counter that begins again at 0, as one that does not (C-7).

    Args:
        wraps_at_mj: where it begins again; None: it only grows.
    """

    def __init__(self, wraps_at_mj: float | None) -> None:
        self._wraps_at_mj = wraps_at_mj
        self._last: float | None = None
        self._total = 0.0

    def add(self, value_mj: float) -> float:
        """Millijoules since the first value.

        Raises:
            Backwards: it fell, and by less than half of its range: that is no coming round.
        """
        step = 0.0 if self._last is None else value_mj - self._last
        if step < 0:
            if self._wraps_at_mj is None or -step < self._wraps_at_mj / 2:
                raise Backwards
            step += self._wraps_at_mj
        self._last = value_mj
        self._total += step
        return self._total


class Integrated:
    """Power readings as a counter, by the trapezoid rule."""

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self._total = 0.0

    def add(self, power_mw: float, at_ns: int) -> float:
        """Millijoules since the first reading."""
        if self._last is not None:
            before_mw, before_ns = self._last
            self._total += (power_mw + before_mw) / 2 * (at_ns - before_ns) * MW_TO_MJ_PER_NS
        self._last = (power_mw, at_ns)
        return self._total


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What two meters showed over the same windows, in millijoules.

    Attributes:
        first_mj: the better meter.
        second_mj: the other one.
    """

    first_mj: float
    second_mj: float

    @property
    def relative(self) -> float:
        """How far the other one is off."""
        return abs(self.second_mj - self.first_mj) / max(abs(self.first_mj), 1e-12)


def disagreement(samples: EnergySamples, letter: int) -> Disagreement | None:
    """Where the two meters differ most: under load, or idle with the sessions resident (C-3).

    None when no window was seen by both.
    """
    found = []
    for part in (samples.of(letter), samples.of(LOADED_IDLE)):
        both = np.isfinite(part.second_mj)
        if both.any():
            sums = (float(part.energy_mj[both].sum()), float(part.second_mj[both].sum()))
            found.append(Disagreement(*sums))
    return max(found, key=lambda one: one.relative, default=None)


def why_unusable(samples: EnergySamples, letter: int) -> str | None:
    """Why no energy can be claimed of one artifact; a key of the reasons, or None (C-2, C-3)."""
    if samples.problem:
        return samples.problem
    own, idle = samples.of(letter), samples.of(BARE_IDLE)
    missing = idle.letter.size == 0 or samples.of(LOADED_IDLE).letter.size == 0
    needed = MIN_SCATTERED_WINDOWS if samples.scattered else MIN_WINDOWS
    if own.letter.size < needed or missing or np.any(own.iterations < 1):
        return INSUFFICIENT_SAMPLES
    if int(own.duration_ns.min()) < window_ns(samples.update_period_ns):
        return WINDOW_TOO_SHORT
    others = own.foreign_share[np.isfinite(own.foreign_share)]
    if others.size and float(others.max()) > MAX_FOREIGN_SHARE:
        return SHARED_DEVICE
    responds = float(own.power_mw.mean()) > MIN_RESPONSE * float(idle.power_mw.mean())
    if not responds:
        return METER_WITHOUT_RESPONSE
    apart = disagreement(samples, letter)
    return METERS_DISAGREE if apart is not None and apart.relative > MAX_DISAGREEMENT else None


@dataclass(frozen=True, slots=True)
class EnergyEstimate:
    """Energy of one inference with its uncertainty (k=1), in millijoules.

    Attributes:
        total_mj: idle power included.
        active_mj: above the idle power with the sessions resident.
        u_total_mj: of `total_mj`.
        u_active_mj: of `active_mj`.
        u_gain: the meter's own share of `u_total_mj`.
        u_edge: the share of its update period.
        u_rep: the share of what differed between windows.
        u_idle: the share of the idle power in `u_active_mj`.
        spread: standard deviation of the windows, relative.
        windows: how many.
        power_mw: mean power while it ran.
        idle_mw: mean power with the sessions resident and nothing running, before and after.
        inferences: in all windows.
        sum_mj: of all windows.
        active_sum_mj: of all windows, above the idle power.
    """

    total_mj: float
    active_mj: float
    u_total_mj: float
    u_active_mj: float
    u_gain: float
    u_edge: float
    u_rep: float
    u_idle: float
    spread: float
    windows: int
    power_mw: float
    idle_mw: tuple[float, float]
    inferences: int
    sum_mj: float
    active_sum_mj: float


def energy_of(samples: EnergySamples, letter: int) -> EnergyEstimate:
    """What one inference costs (C-4 and C-6); `why_unusable` must have given None.

    u^2 = u_gain^2 + u_edge^2 + u_rep^2 (+ u_idle^2), with u_edge = P T_u / sqrt(6) per window.
    """
    own, idle = samples.of(letter), samples.of(LOADED_IDLE)
    each = own.energy_mj / own.iterations
    count = each.size
    seconds = own.duration_ns * MW_TO_MJ_PER_NS
    idle_mw = float(idle.power_mw.mean())
    total = float(each.mean())
    active = float(((own.energy_mj - idle_mw * seconds) / own.iterations).mean())
    edge_mj = own.power_mw * samples.update_period_ns * MW_TO_MJ_PER_NS / math.sqrt(6)
    u_edge = float((edge_mj / own.iterations).mean()) / math.sqrt(count)
    spread = relative_spread(each) * total
    u_rep = spread / math.sqrt(count)
    u_gain = samples.uncertainty_relative * total
    drift_mw = float(np.ptp(idle.power_mw)) / math.sqrt(12)
    u_idle = drift_mw * float((seconds / own.iterations).mean())
    u_total = math.sqrt(u_gain**2 + u_edge**2 + u_rep**2)
    return EnergyEstimate(
        total_mj=total,
        active_mj=active,
        u_total_mj=u_total,
        u_active_mj=math.sqrt(u_total**2 + u_idle**2),
        u_gain=u_gain,
        u_edge=u_edge,
        u_rep=u_rep,
        u_idle=u_idle,
        spread=spread / total,
        windows=count,
        power_mw=float(own.power_mw.mean()),
        idle_mw=(float(idle.power_mw[0]), float(idle.power_mw[-1])),
        inferences=int(own.iterations.sum()),
        sum_mj=float(own.energy_mj.sum()),
        active_sum_mj=float((own.energy_mj - idle_mw * seconds).sum()),
    )


def bounds(value: float, uncertainty: float) -> tuple[float, float]:
    """The 95 % interval of a value with uncertainty k=1."""
    return value - _COVERAGE * uncertainty, value + _COVERAGE * uncertainty


@dataclass(frozen=True, slots=True)
class EnergyRatio:
    """Candidate / baseline with a 95 % interval, and how many quads it rests on."""

    value: float
    low: float
    high: float
    quads: int


def energy_ratio_of(samples: EnergySamples) -> EnergyRatio | None:
    """The paired ratio over quads ABBA of windows; None with fewer than two quads.

    The mean of the quads' log-ratios with Student's interval, widened by what remains of the
    gain's uncertainty.
    """
    timed = samples.letter <= CANDIDATE
    letters, each = (
        samples.letter[timed],
        (samples.energy_mj / np.maximum(samples.iterations, 1))[timed],
    )
    quads = letters.size // 4
    logs = []
    for quad in range(quads):
        part = slice(4 * quad, 4 * quad + 4)
        a, b = (each[part][letters[part] == one] for one in (BASELINE, CANDIDATE))
        if a.size == b.size == 2 and a.min() > 0 and b.min() > 0:
            logs.append(math.log(b.mean() / a.mean()))
    if len(logs) < 2:
        return None
    mean, error = float(np.mean(logs)), float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    half = student_quantile(0.975, len(logs) - 1) * error
    half = math.hypot(half, _COVERAGE * RATIO_U_GAIN)
    return EnergyRatio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), len(logs))
