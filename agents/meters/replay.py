"""A meter that replays a recorded trace: for tests of everything behind a meter.

``BITGAUGE_REPLAY_METER`` names a JSON file: ``{"is_counter": true, "update_period_ns": ...,
"points": [[seconds, value], ...]}`` with an optional `wraps_at_mj`; values are millijoules for a
counter and milliwatts else. `averaging_window_ns` is how much of each period the meter sees,
`second` another such trace of the same thing, and from `forbidden_from_s` on nobody may read it.
The value of the last point at or before the time since opening holds; a null value means that the
sensor cannot be read. After the last point the trace begins again, a counter goes on from its
end. Its kind is `simulated`, and its joules are nobody's.
"""

from __future__ import annotations

import bisect
import os
import time
from pathlib import Path

import msgspec
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from ..spec import TRACE_VARIABLE
from .base import EnergyReader, MeterForbidden, MeterLost, Reading

NAME = "replay"
RANK = 0
HINT = "set BITGAUGE_REPLAY_METER to a recorded trace"


class Trace(msgspec.Struct, forbid_unknown_fields=True):
    """A recorded trace; see the module."""

    is_counter: bool
    update_period_ns: int
    points: list[tuple[float, float | None]]
    wraps_at_mj: float | None = None
    uncertainty_relative: float = 0.05
    averaging_window_ns: int | None = None
    forbidden_from_s: float | None = None
    second: Trace | None = None


def describe() -> MeterDescription | None:
    """The trace that the environment names, if it names one."""
    trace = _trace()
    if trace is None:
        return None
    return MeterDescription(
        name=NAME,
        quantity="energy",
        kind="simulated",
        scope="trace",
        update_period_ns=trace.update_period_ns,
        uncertainty_relative=trace.uncertainty_relative,
        averaging_window_ns=trace.averaging_window_ns or trace.update_period_ns,
    )


def open_reader() -> EnergyReader:
    """The trace from its beginning; see `base.EnergyMeterModule`."""
    trace = _trace()
    if trace is None or not trace.points:
        raise MeterLost(f"{TRACE_VARIABLE} names no trace")
    return _Replay(trace)


def open_second() -> EnergyReader | None:
    """The second trace, if there is one; see `base.SecondMeterModule`."""
    trace = _trace()
    return _Replay(trace.second) if trace is not None and trace.second is not None else None


def _trace() -> Trace | None:
    path = os.environ.get(TRACE_VARIABLE)
    if not path:
        return None
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Trace)
    except (OSError, ValueError):
        return None


class _Replay:
    """A trace that runs since it was opened."""

    def __init__(self, trace: Trace) -> None:
        self.is_counter = trace.is_counter
        self.wraps_at_mj = trace.wraps_at_mj
        self._points = trace.points
        self._times = [at for at, _ in trace.points]
        self._forbidden_from_s = trace.forbidden_from_s
        self._started_ns = time.monotonic_ns()

    def read(self) -> Reading:
        """The present value; see `base.EnergyReader`."""
        now_ns = time.monotonic_ns()
        since_s = (now_ns - self._started_ns) / 1e9
        if self._forbidden_from_s is not None and since_s >= self._forbidden_from_s:
            raise MeterForbidden("the trace may not be read any more")
        length = self._times[-1]
        rounds, at = divmod(since_s, length) if length > 0 else (0, 0)
        value = self._points[bisect.bisect_right(self._times, at) - 1][1]
        if value is None:
            raise MeterLost("the trace has no value here")
        if self.is_counter:
            value += rounds * ((self._points[-1][1] or 0) - (self._points[0][1] or 0))
            value = value % self.wraps_at_mj if self.wraps_at_mj else value
        return Reading(value, now_ns)

    def close(self) -> None:
        """Nothing is held."""
