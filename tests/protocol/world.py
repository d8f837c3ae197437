"""One seed's world: its time, its chances, its weather, its story, and who lives in it."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from unittest import mock

from .loop import PROCESS, Crash, Process, SimLoop

WALL_EPOCH_S = 1_700_000_000


class Violation(Exception):
    """Something happened that must never happen."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad the days of a seed are. Chances are per step or per message; all end at `ends_s`.

    Attributes:
        ends_s: virtual seconds after which no fault happens any more.
        crash: of the process that takes a step: a write of a file, a commit, a message.
        lost: of a message.
        doubled: of a request.
        late: of a message that takes up to `late_s` instead of milliseconds.
        late_s: longest delay.
        thread: of an answer of a thread that takes a moment.
        full: of a write that finds the disk full.
        power: share of the agents' crashes that are power cuts.
        orphan: share of the agents' crashes after which a child lives on.
        stuck: of a leftover that cannot be ended yet.
        freeze: of each process per second.
        jump: of each wall clock per second.
        graceful: share of the agents' ends by a signal that asks for it.
        kill: of each process per second, wherever it is.
        bad_child: of a child that ends without a result.
        bad_task: of a task of the coordinator that fails.
    """

    ends_s: float = 60.0
    crash: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    late_s: float = 30.0
    thread: float = 0.2
    full: float = 0.0
    power: float = 0.3
    orphan: float = 0.2
    stuck: float = 0.3
    freeze: float = 0.0
    jump: float = 0.0
    graceful: float = 0.2
    kill: float = 0.0
    bad_child: float = 0.1
    bad_task: float = 0.0

    @classmethod
    def drawn(cls, rng: random.Random) -> Weather:
        """Each kind of fault is absent in some seeds, so that every mixture comes up."""

        def some(*levels: float) -> float:
            return rng.choice((0.0, *levels))

        return cls(
            ends_s=rng.uniform(10, 90),
            crash=some(0.002, 0.01, 0.03),
            lost=some(0.02, 0.1, 0.3),
            doubled=some(0.05, 0.3),
            late=some(0.05, 0.2),
            thread=rng.choice((0.0, 0.2, 0.6)),
            full=some(0.05, 0.2),
            freeze=some(0.005, 0.02),
            jump=some(0.01, 0.05),
            kill=some(0.005, 0.02),
            bad_child=some(0.1, 0.3),
            bad_task=some(0.1, 0.3),
        )

    def __str__(self) -> str:
        said = [f"{one.name} {getattr(self, one.name):g}" for one in fields(self)]
        return ", ".join(said)


@dataclass
class World:
    """What everything in a seed shares.

    Attributes:
        seed: everything follows from it.
        weather: the faults.
        crash_at: number of the one step at which the process that takes it dies, whatever the
            weather; for walking through every step.
        story: (seconds, who, what) of everything that happened.
        steps: crash points passed so far.
        calm: no fault happens any more.
        spooled: run ids that were durable in a spool, and where.
        acknowledged: run ids whose report an agent saw acknowledged, and as what.
        submitted: job ids that a user saw acknowledged.
        violations: what must never happen and did.
        watches_epochs: whether an accepted run of an old epoch is a violation by itself.
        newest_run: position of the newest run that was looked at when it was committed.
    """

    seed: int
    weather: Weather
    crash_at: int | None = None
    story: list[tuple[float, str, str]] = field(default_factory=list)
    steps: int = 0
    calm: bool = False
    spooled: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    newest_run: int = 0
    watches_epochs: bool = True

    def __post_init__(self) -> None:
        self.rng = random.Random(f"world {self.seed}")
        self.loop = SimLoop(self._latency)  # type: ignore[abstract]  # no sockets, no signals

    def tell(self, who: str, what: str) -> None:
        self.story.append((self.loop.time(), who, what))

    def chance(self, share: float) -> bool:
        """Whether a fault of this chance happens now."""
        return not self.calm and share > 0 and self.rng.random() < share

    def step(self, what: str) -> None:
        """A point at which the process that runs now may die.

        Raises:
            Crash: it does.
        """
        process = PROCESS.get()
        if process is None:
            return
        if not process.alive:
            raise Crash
        if not process.mortal:
            return
        self.steps += 1
        if self.steps == self.crash_at or self.chance(self.weather.crash):
            self.tell(process.name, f"CRASH {what}")
            self.loop.kill(process)
            raise Crash

    def kill(self, process: Process, why: str) -> None:
        if process.alive:
            self.tell(process.name, f"CRASH {why}")
            self.loop.kill(process)

    def violated(self, what: str) -> Violation:
        self.tell("INVARIANT", what)
        self.violations.append(what)
        return Violation(what)

    def _latency(self) -> float:
        if self.rng.random() < self.weather.thread:
            return self.rng.uniform(0.0005, 0.05)
        return 0.0

    def told(self) -> str:
        lines = [f"seed {self.seed}; {self.weather}"]
        lines += [f"{when:10.3f}  {who:12} {what}" for when, who, what in self.story]
        return "\n".join(lines)


@contextlib.contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Ids, tokens and jitter of production code come from the seed."""
    source = random.Random(f"urandom {seed}")
    before = random.getstate()
    random.seed(f"random {seed}")
    with (
        mock.patch.object(os, "urandom", source.randbytes),
        mock.patch.object(random, "_urandom", source.randbytes),
    ):
        try:
            yield
        finally:
            random.setstate(before)
