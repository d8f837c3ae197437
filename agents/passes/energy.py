"""Pass `energy`: windows of a meter around one artifact, or baseline and candidate in quads.

A sampler never runs beside a clock: this pass measures no latency, and a power meter is polled by
a thread of its own.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from bitgauge.benchmarks.common.plugins import Found
from bitgauge.benchmarks.protocol.energy import (
    Counter,
    EnergyBench,
    EnergyPlan,
    Forbidden,
    Lost,
    Surroundings,
    measure_energy,
)
from bitgauge.benchmarks.protocol.latency import Call
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.energy import energy_raw
from bitgauge.benchmarks.samples import SLOWDOWNS, Conditions
from bitgauge.benchmarks.stats.energy import (
    Backwards,
    Integrated,
    Unwrapped,
    dropped_ns,
    is_scattered,
    window_ns,
)
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.meters import BESIDE
from bitgauge.benchmarks.vocabulary.profiles import ProfilePlan
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from .. import registry
from ..host.rest import CoolDown
from ..meters.base import (
    EnergyMeterModule,
    EnergyReader,
    MeterForbidden,
    MeterLost,
    MeterModule,
    Reading,
    SecondMeterModule,
    of_unit,
)
from .base import Child, rotating

NAME = PassName.ENERGY

_POLLS_PER_PERIOD = 2
_LONGEST_POLL_S = 0.05  # at least 20 Hz (C-7)
_SECOND_PERIOD_NS = 100_000_000
_COUNTS = ("counter", "simulated")


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    meters = registry.find("meters", child.plugins())
    named = cast(MeterModule, meters.get(child.spec.meter))
    module = cast(EnergyMeterModule, of_unit(named, child.spec.device, child.spec.unit))
    described = module.describe()
    if described is None:
        raise BitgaugeError(Code.UNKNOWN_PLUGIN, f"The meter {child.spec.meter} has gone.")
    plan = plan_for(child.plan, described)
    evaluation = child.material()
    counter = MeteredCounter(module.open_reader, plan.update_period_ns)
    other = meters.get(child.spec.second_meter) if child.spec.second_meter else None
    second = SecondMeter(module, cast("EnergyMeterModule | None", other))
    beside = Beside(cast("Sequence[EnergyMeterModule]", _beside(child, meters)))
    conditions = child.conditions()
    cool = CoolDown(child.rest(), beat=child.channel.gap)

    def prepare() -> Sequence[Call]:
        sessions = [child.load(path) for path in child.spec.paths]
        calls = []
        for session in sessions:
            feeds = child.inputs(evaluation, session).for_timing()
            calls.append(rotating([session.bind(one) for one in feeds]))
        child.warm_up(calls)
        return calls

    child.channel.phase("measure")
    around = Surroundings(
        foreign_ns=conditions.foreign_ns,
        second=second,
        temperature_c=lambda: conditions.read().temperature_c,
        clock_mhz=lambda: conditions.read().clock_mhz,
        slowdowns_ns=lambda: slowdowns_of(conditions.read()),
        beside_mj=beside.total_mj,
    )
    bench = EnergyBench(
        counter, time.monotonic_ns, lambda ns: time.sleep(ns / 1e9), around=around, plan=plan
    )
    try:
        rng = np.random.default_rng(child.spec.seed)
        measure_energy(bench, prepare, plan, rng, gap=child.channel.gap, cool=cool)
    finally:
        counter.close()
        second.close()
        beside.close()
    samples = bench.samples(described, second_meter=second.name, cooled=cool.reached)
    return energy_raw(child.origin, samples)


def plan_for(profile: ProfilePlan, meter: MeterDescription) -> EnergyPlan:
    """Windows as long as the meter needs; a budget shortens them, and the analysis says so."""
    period_ns, seen_ns = meter.update_period_ns or 1, meter.averaging_window_ns or 0
    window = min(window_ns(period_ns), profile.absolute_timed_ns)
    return EnergyPlan(
        window_ns=window,
        idle_ns=min(2 * window, profile.energy_idle_ns),
        quads=profile.energy_quads,
        update_period_ns=period_ns,
        max_window_ns=profile.absolute_timed_ns,
        scattered=is_scattered(period_ns, seen_ns, counts=meter.kind in _COUNTS),
        dropped_ns=min(dropped_ns(period_ns, seen_ns), profile.absolute_timed_ns),
    )


class MeteredCounter(Counter):
    """A meter as a counter that only grows; it is opened at its first reading.

    Args:
        open_reader: opens the meter.
        period_ns: between its new values.
    """

    def __init__(self, open_reader: Callable[[], EnergyReader], period_ns: int) -> None:
        self._open_reader = open_reader
        self._period_s = period_ns / 1e9
        self._reader: EnergyReader | None = None
        self._poller: _Poller | None = None
        self._unwrapped = Unwrapped(None)

    def __call__(self) -> float:
        """Millijoules since the first reading; see `energy_protocol.Counter`."""
        return self._value(lambda poller: poller.total_mj())

    def until_now(self) -> float:
        """As a reading, but of a power meter with what it used since it was last polled."""
        return self._value(lambda poller: poller.until_now_mj())

    def _value(self, polled: Callable[[_Poller], float]) -> float:
        try:
            if self._reader is None:
                self._reader = self._open_reader()
                self._unwrapped = Unwrapped(self._reader.wraps_at_mj)
                if not self._reader.is_counter:
                    every_s = min(self._period_s / _POLLS_PER_PERIOD, _LONGEST_POLL_S)
                    self._poller = _Poller(self._reader, every_s)
            if self._poller is not None:
                return polled(self._poller)
            return self._unwrapped.add(self._reader.read().value)
        except MeterForbidden as error:
            raise Forbidden(str(error)) from error
        except MeterLost as error:
            raise Lost(str(error)) from error

    def close(self) -> None:
        """Ends polling and closes the meter."""
        if self._poller is not None:
            self._poller.stop()
        if self._reader is not None:
            self._reader.close()


class SecondMeter:
    """The same thing seen in another way: by another meter, or by the same sensor's power (C-3).

    Where it cannot be read there is nothing to compare; the first meter's joules stay.

    Args:
        module: the first meter, which may have a second reader.
        other: another meter of the same scope.

    Attributes:
        name: of what it is; "" when there is none.
    """

    def __init__(self, module: EnergyMeterModule, other: EnergyMeterModule | None) -> None:
        self.name = ""
        self._counter: MeteredCounter | None = None
        described = other.describe() if other is not None else None
        if other is not None and described is not None:
            self.name = other.NAME
            period_ns = described.update_period_ns or _SECOND_PERIOD_NS
            self._counter = MeteredCounter(other.open_reader, period_ns)
        elif hasattr(module, "open_second"):
            with contextlib.suppress(MeterLost):
                reader = cast(SecondMeterModule, module).open_second()
                if reader is not None:
                    self.name = f"{module.NAME} {'counter' if reader.is_counter else 'power'}"
                    self._counter = MeteredCounter(lambda: reader, _SECOND_PERIOD_NS)

    def __call__(self) -> float:
        """Millijoules since its first reading; NaN when it cannot be read."""
        return _told(self._counter)

    def close(self) -> None:
        """Ends polling and closes it."""
        if self._counter is not None:
            self._counter.close()


def _told(counter: MeteredCounter | None) -> float:
    """Millijoules since its first reading; NaN when there is none or it cannot be read."""
    if counter is None:
        return math.nan
    try:
        return counter.until_now()
    except (Lost, Backwards):
        return math.nan


class Beside:
    """Meters of a card's other scopes, which are read at the edges of every window.

    Args:
        modules: each of one of the scopes in `vocabulary.meters.BESIDE`.
    """

    def __init__(self, modules: Sequence[EnergyMeterModule]) -> None:
        self._counters: dict[str, MeteredCounter] = {}
        for module in modules:
            described = module.describe()
            if described is not None:
                period_ns = described.update_period_ns or _SECOND_PERIOD_NS
                word = described.scope.split(" ")[0]
                self._counters[word] = MeteredCounter(module.open_reader, period_ns)

    def total_mj(self) -> tuple[float, ...]:
        """Millijoules since the first reading, in the order of the scopes; NaN for none."""
        return tuple(_told(self._counters.get(word)) for word in BESIDE)

    def close(self) -> None:
        """Ends polling and closes them."""
        for one in self._counters.values():
            one.close()


def _beside(child: Child, meters: Found) -> Sequence[MeterModule]:
    device, unit = child.spec.device, child.spec.unit
    return [
        of_unit(cast(MeterModule, meters.get(name)), device, unit) for name in child.spec.beside
    ]


def slowdowns_of(conditions: Conditions) -> tuple[float, ...]:
    """A card's counters of slow-down, in their order."""
    return tuple(getattr(conditions, name) for name in SLOWDOWNS)


class _Poller(threading.Thread):
    """Integrates a power meter at a steady rate."""

    def __init__(self, reader: EnergyReader, every_s: float) -> None:
        super().__init__(daemon=True)
        self._reader, self._every_s = reader, every_s
        self._integrated = Integrated()
        self._seen: tuple[float, Reading | None] = (0.0, None)
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
            self._seen = (self._integrated.add(reading.value, reading.at_ns), reading)

    def total_mj(self) -> float:
        """Millijoules since it was started.

        Raises:
            MeterLost: the sensor cannot be read any more.
        """
        if self._lost is not None:
            raise self._lost
        time.sleep(0)  # whoever waits for a new value must let the poller in
        return self._seen[0]

    def until_now_mj(self) -> float:
        """The same with the last power held until now; a window's edge falls between two polls.

        Raises:
            MeterLost: the sensor cannot be read any more.
        """
        self.total_mj()
        total_mj, last = self._seen
        since_ns = 0 if last is None else time.monotonic_ns() - last.at_ns
        return total_mj if last is None else total_mj + last.value * since_ns * 1e-9

    def stop(self) -> None:
        """Ends polling."""
        self._over.set()
        self.join()
