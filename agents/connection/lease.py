"""Keeping a lease alive without disturbing what is measured.

While a child measures, a due heartbeat waits for its next gap; else a timer sends it. Cut off
from the coordinator the agent keeps measuring: what the results are worth is decided there.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Progress

from ..host import process
from ..host.patience import within
from .connection import Renewal

_NS = 1_000_000_000
_MS = 1_000_000
# With jitter and the call's own limit a lease is renewed within 15 s of the coordinator's return.
_LONGEST_RETRY_NS = 8 * _NS
_SHORTEST_SILENCE_NS = 10 * _NS
_SILENCES = 3
_BUILDING = ", building "

Renew = Callable[[Assignment, Progress | None, int], Awaitable[Renewal]]


@dataclass(slots=True)
class LeaseClock:
    """When to renew, and whether the lease has run out, on a clock that suspend does not stop.

    Attributes:
        ttl_ns: the lease ends this long after the last renewal.
        renewed_ns: when it was last renewed or granted.
        failures: renewals in a row that did not get through.
    """

    ttl_ns: int
    renew_every_ns: int
    renewed_ns: int
    due_ns: int
    failures: int = 0

    @classmethod
    def granted(cls, assignment: Assignment, now_ns: int) -> LeaseClock:
        """The clock of a lease that was granted at `now_ns`."""
        every = assignment.renew_every_ms * _MS
        return cls(assignment.ttl_ms * _MS, every, now_ns, now_ns + every)

    def renewed(self, now_ns: int, ttl_ms: int) -> None:
        """A renewal got through."""
        self.ttl_ns = ttl_ms * _MS or self.ttl_ns
        self.renewed_ns, self.failures = now_ns, 0
        self.due_ns = now_ns + self.renew_every_ns

    def failed(self, now_ns: int, jitter: float) -> None:
        """A renewal did not get through; the next one waits longer.

        `jitter` is a factor that keeps many agents from coming back at once.
        """
        self.failures += 1
        pause = min(self.renew_every_ns * 2 ** min(self.failures - 1, 10), _LONGEST_RETRY_NS)
        self.due_ns = now_ns + round(pause * jitter)

    def expired(self, now_ns: int) -> bool:
        """Whether the time to live has passed without a renewal."""
        return now_ns - self.renewed_ns > self.ttl_ns


class LeaseKeeper:
    """Renews one lease until it is cancelled or lost.

    `now_ns` reads the clock that leases are judged by.
    """

    def __init__(
        self,
        assignment: Assignment,
        renew: Renew,
        say: Callable[[str], None],
        now_ns: Callable[[], int] = process.boottime_ns,
    ) -> None:
        self._assignment = assignment
        self._renew = renew
        self._say = say
        self._now_ns = now_ns
        self._clock = LeaseClock.granted(assignment, now_ns())
        self._lock = asyncio.Lock()
        self._free = asyncio.Event()
        self._free.set()
        self._ended = asyncio.Event()
        self._hold_ns = 0
        self._said_expired = False
        self.progress: Progress | None = None
        self.verdict = "ok"

    def measuring(self, yes: bool) -> None:
        """Whether a child measures now, so that only its gaps may be used."""
        self._hold_ns = 0
        if yes:
            self._free.clear()
        else:
            self._free.set()

    async def gap(self, hold_ms: int, built: float | None = None) -> None:
        """Renews when that is due; the child waits meanwhile and no clock runs.

        Args:
            hold_ms: longest silence that the child expects before its next gap.
            built: share of a build that is done, where the present step waits for one.
        """
        if built is not None and self.progress is not None:
            step = self.progress.step.partition(_BUILDING)[0]
            shown = f"{step}{_BUILDING}{min(max(built, 0.0), 1.0):.0%}"
            self.progress = replace(self.progress, step=shown)
        self._hold_ns = hold_ms * _MS
        await self._tick()

    async def keep(self) -> str:
        """Renews until the coordinator says `cancel` or `lost`; returns that."""
        while self.verdict == "ok":
            wait_ns = max(self._clock.due_ns - self._now_ns(), _MS)
            try:
                await within(self._ended.wait(), wait_ns / _NS)
            except TimeoutError:
                await self._wait_for_gap()
                await self._tick()
        return self.verdict

    async def _wait_for_gap(self) -> None:
        """Leaves the heartbeat to the child's gaps, unless they do not come."""
        silence_ns = max(_SILENCES * self._hold_ns, _SHORTEST_SILENCE_NS)
        with contextlib.suppress(TimeoutError):
            await within(self._free.wait(), silence_ns / _NS)

    async def _tick(self) -> None:
        async with self._lock:
            now = self._now_ns()
            if self.verdict != "ok" or now < self._clock.due_ns:
                return
            long = self._hold_ns > self._clock.renew_every_ns
            hold_ms = self._hold_ns // _MS if long else 0
            try:
                renewal = await self._renew(self._assignment, self.progress, hold_ms)
            except Unavailable:
                self._cut_off()
                return
            except BitgaugeError as error:
                renewal = self._refused(error)
            self._said_expired = False
            self._clock.renewed(self._now_ns(), renewal.ttl_ms)
            if renewal.verdict in ("cancel", "lost"):
                self.verdict = renewal.verdict
                self._ended.set()

    def _cut_off(self) -> None:
        now = self._now_ns()
        self._clock.failed(now, random.uniform(0.75, 1.25))  # noqa: S311 (jitter, no secret)
        if self._clock.expired(now) and not self._said_expired:
            self._said_expired = True
            self._say(
                "The lease was not renewed in time and may have passed on; measuring goes on,"
                " and the coordinator decides about the results."
            )

    def _refused(self, error: BitgaugeError) -> Renewal:
        """A lease or job that the coordinator no longer knows is lost; the rest is said."""
        if error.code not in (Code.LEASE_LOST, Code.UNKNOWN_JOB, Code.JOB_ENDED):
            self._say(f"The lease cannot be renewed: {error}")
        return Renewal("lost", 0)
