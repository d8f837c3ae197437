"""A margin replayed over what was measured: what would have passed, and at what price. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..quality.accuracy import Paired, non_inferiority
from ..vocabulary.reasons import SUSPECT, UNCONFIRMED
from ..vocabulary.values.gates import FAILED, PASSED, REVIEW
from ..vocabulary.values.history import RowHistory
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .figures import paired_of

_VERDICTS = {"PASS": PASSED, "FAIL": FAILED, "UNDECIDED": REVIEW}
_NS_PER_H = 3_600e9
_MJ_PER_KWH = 3.6e9


@dataclass(frozen=True, slots=True)
class Bill:
    """What shipping one run costs and saves over a volume of calls, each with its 95 % interval.

    Attributes:
        loss: expected cost of the predictions that it gets wrong and its baseline does not, in the
            currency of the cost per error; negative: it gets more of them right.
        loss_low: lower end.
        loss_high: upper end.
        hours_saved: time of the device that it saves, in hours; None: it is not known.
        kwh_saved: energy that it saves, in kWh; None: it is not known.
    """

    loss: float
    loss_low: float
    loss_high: float
    hours_saved: float | None
    kwh_saved: float | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """One past result at the margin that is tried.

    Attributes:
        run_id: of the result.
        model_name: of its row.
        artifact: in words.
        device_name: where.
        measured_unix_ns: when.
        delta_pp: its accuracy less the baseline's, in points.
        low_pp: one-sided 95 % lower bound.
        high_pp: one-sided 95 % upper bound.
        then: what it got at the margin that it was measured with.
        verdict: what it would get.
        bill: what it would cost and save; None where nobody asked, or for what does not pass.
    """

    run_id: str
    model_name: str
    artifact: str
    device_name: str
    measured_unix_ns: int
    delta_pp: float
    low_pp: float
    high_pp: float
    then: str
    verdict: str
    bill: Bill | None = None


def replay(
    histories: Iterable[RowHistory],
    margin_pp: float,
    rows: Iterable[TableRow] = (),
    *,
    cost_per_error: float | None = None,
    volume: float | None = None,
) -> tuple[Replayed, ...]:
    """Every past result of which the paired counts are known, at another margin, newest first.

    Args:
        histories: series of `accuracy_delta_pp`.
        margin_pp: the margin that is tried, in points.
        rows: the newest rows, for what their runs save.
        cost_per_error: of one wrong prediction, in any currency.
        volume: predictions that are made.
    """
    by_run = {row.run_id: row for row in rows}
    found = []
    for series in histories:
        for point in series.points:
            paired = paired_of(point.value)
            if paired is None or {SUSPECT, UNCONFIRMED} & {*point.flags}:
                continue
            decision = non_inferiority(paired, margin_pp / 100)
            verdict = _VERDICTS[decision.verdict]
            bill = None
            if verdict == PASSED and cost_per_error is not None and volume is not None:
                bill = bill_of(
                    point.value, paired, by_run.get(point.run_id), cost_per_error, volume
                )
            found.append(
                Replayed(
                    run_id=point.run_id,
                    model_name=series.row.model_name,
                    artifact=series.row.full_name,
                    device_name=series.row.device_name,
                    measured_unix_ns=point.measured_unix_ns,
                    delta_pp=100 * paired.delta,
                    low_pp=100 * decision.low,
                    high_pp=100 * decision.high,
                    then=_VERDICTS.get(point.value.verdict or "", REVIEW),
                    verdict=verdict,
                    bill=bill,
                )
            )
    return tuple(sorted(found, key=lambda one: (-one.measured_unix_ns, one.run_id)))


def bill_of(
    delta: MetricValue, paired: Paired, row: TableRow | None, cost_per_error: float, volume: float
) -> Bill:
    """What a run costs and saves over a volume of predictions.

    Args:
        delta: its accuracy less the baseline's, with the 95 % interval.
        paired: the counts of it.
        row: its numbers, where they are the newest of their row.
        cost_per_error: of one wrong prediction, in any currency.
        volume: predictions that are made.
    """
    value = 100 * paired.delta
    low = value if delta.low is None else delta.low
    high = value if delta.high is None else delta.high
    price = cost_per_error * volume / 100
    per_call = row.workload.batch if row else 1
    time_ns = _saved(row, "latency_ratio", "latency_p50_ns")
    energy_mj = _saved(row, "energy_ratio", "energy_mj")
    return Bill(
        loss=-value * price,
        loss_low=-high * price,
        loss_high=-low * price,
        hours_saved=None if time_ns is None else time_ns * volume / per_call / _NS_PER_H,
        kwh_saved=None if energy_mj is None else energy_mj * volume / per_call / _MJ_PER_KWH,
    )


def _saved(row: TableRow | None, ratio: str, own: str) -> float | None:
    """How much less than the baseline one call takes, in the unit of `own`."""
    if row is None:
        return None
    share, value = row.metric(ratio).value, row.metric(own).value
    if share is None or value is None or not share > 0 or not math.isfinite(value):
        return None
    return value / share - value
