"""Pass `energy`: windows of a meter around one artifact, or baseline and candidate in quads.

A sampler never runs beside a clock: this pass measures no latency, and a power meter is polled by
a thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import cast

import numpy as np
from bitgauge.benchmarks.energy import Integrated, Unwrapped, window_ns
from bitgauge.benchmarks.energy_protocol import (
    Counter,
    EnergyBench,
    EnergyPlan,
    Lost,
    measure_energy,
)
from bitgauge.benchmarks.errors import BitgaugeError, Code
from bitgauge.benchmarks.profiles import ProfilePlan
from bitgauge.benchmarks.protocol import Call
from bitgauge.benchmarks.raw import RawFile
from bitgauge.benchmarks.raw_energy import energy_raw
from bitgauge.benchmarks.vocabulary import PassName

from .. import registry
from ..conditions import ConditionReader
from ..meters.base import EnergyMeterModule, EnergyReader, MeterLost
from .base import Child, rotating

NAME = PassName.ENERGY

_TICK_NS = 10_000_000
_POLLS_PER_PERIOD = 2


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    module = cast(EnergyMeterModule, registry.find("meters", child.plugins()).get(child.spec.meter))
    described = module.describe()
    if described is None:
        raise BitgaugeError(Code.UNKNOWN_PLUGIN, f"The meter {child.spec.meter} has gone.")
    period_ns = described.update_period_ns or 1
    plan = plan_for(child.plan, period_ns)
    evaluation = child.evaluation()
    counter = MeteredCounter(module, period_ns)
    conditions = ConditionReader()

    def prepare() -> Sequence[Call]:
        sessions = [child.load(path) for path in child.spec.paths]
        calls = []
        for session in sessions:
            feeds = child.batches(evaluation, session).for_timing()
            calls.append(rotating([session.bind(one) for one in feeds]))
        child.warm_up(calls)
        return calls

    child.channel.phase("measure")
    bench = EnergyBench(
        counter,
        time.monotonic_ns,
        lambda ns: time.sleep(ns / 1e9),
        foreign_ns=lambda: conditions.read().foreign_ticks * _TICK_NS,
        plan=plan,
    )
    try:
        rng = np.random.default_rng(child.spec.seed)
        measure_energy(bench, prepare, plan, rng, child.channel.gap)
    finally:
        counter.close()
    samples = bench.samples(
        kind=described.kind,
        scope=described.scope,
        uncertainty_relative=described.uncertainty_relative or 0.0,
        meter=described.name,
        averaging_window_ns=described.averaging_window_ns or 0,
    )
    return energy_raw(child.origin, samples)


def plan_for(profile: ProfilePlan, period_ns: int) -> EnergyPlan:
    """Windows as long as the meter needs; a budget shortens them, and the analysis says so."""
    window = min(window_ns(period_ns), profile.absolute_timed_ns)
    return EnergyPlan(
        window_ns=window,
        idle_ns=min(2 * window, profile.energy_idle_ns),
        quads=profile.energy_quads,
        update_period_ns=period_ns,
        max_window_ns=profile.absolute_timed_ns,
    )


class MeteredCounter(Counter):
    """A meter as a counter that only grows; it is opened at its first reading.

    Args:
        module: the meter.
        period_ns: between its new values.
    """

    def __init__(self, module: EnergyMeterModule, period_ns: int) -> None:
        self._module = module
        self._period_s = period_ns / 1e9
        self._reader: EnergyReader | None = None
        self._poller: _Poller | None = None
        self._unwrapped = Unwrapped(None)

    def __call__(self) -> float:
        """Millijoules since the first reading; see `energy_protocol.Counter`."""
        try:
            if self._reader is None:
                self._reader = self._module.open_reader()
                self._unwrapped = Unwrapped(self._reader.wraps_at_mj)
                if not self._reader.is_counter:
                    self._poller = _Poller(self._reader, self._period_s / _POLLS_PER_PERIOD)
            if self._poller is not None:
                return self._poller.total_mj()
            return self._unwrapped.add(self._reader.read().value)
        except MeterLost as error:
            raise Lost(str(error)) from error

    def close(self) -> None:
        """Ends polling and closes the meter."""
        if self._poller is not None:
            self._poller.stop()
        if self._reader is not None:
            self._reader.close()


class _Poller(threading.Thread):
    """Integrates a power meter at a steady rate."""

    def __init__(self, reader: EnergyReader, every_s: float) -> None:
        super().__init__(daemon=True)
        self._reader, self._every_s = reader, every_s
        self._integrated = Integrated()
        self._total_mj = 0.0
        self._lost: MeterLost | None = None
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                reading = self._reader.read()
            except MeterLost as error:
                self._lost = error
                return
            self._total_mj = self._integrated.add(reading.value, reading.at_ns)

    def total_mj(self) -> float:
        """Millijoules since it was started.

        Raises:
            MeterLost: the sensor cannot be read any more.
        """
        if self._lost is not None:
            raise self._lost
        time.sleep(0)  # whoever waits for a new value must let the poller in
        return self._total_mj

    def stop(self) -> None:
        """Ends polling."""
        self._over.set()
        self.join()
