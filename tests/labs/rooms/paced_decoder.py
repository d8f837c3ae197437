"""A decoder on a simulated clock, whose pace and answers are known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from bitgauge.benchmarks.samples import Ints

MS = 1_000_000


@dataclass(slots=True)
class Machine:
    """A clock that the decoders on it advance, each call by a factor of noise."""

    seed: int = 0
    noise: float = 0.0
    now_ns: int = 1
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def clock(self) -> int:
        """Now, in nanoseconds."""
        return self.now_ns

    def spend(self, ns: float) -> None:
        """Compute for so long."""
        self.now_ns += max(1, round(ns * float(np.exp(self.noise * self.rng.standard_normal()))))


@dataclass(slots=True)
class PacedDecoder:
    """A decoder that takes so long for each token of a prompt, and for each further one."""

    machine: Machine
    prefill_ns: float = 0.01 * MS
    token_ns: float = 0.2 * MS
    context_tokens: int = 256
    vocabulary: int = 32
    bos: int | None = 1
    fed: list[int] = field(default_factory=list)
    prompts: list[tuple[int, ...]] = field(default_factory=list)

    def reset(self) -> None:
        """Forgets what was fed."""
        self.fed = []

    def feed(self, tokens: Ints) -> None:
        """Takes its time for them; AssertionError for more than fit."""
        assert tokens.size >= 1
        assert tokens.min() >= 0
        assert tokens.max() < self.vocabulary
        assert len(self.fed) + tokens.size <= self.context_tokens, "the context overflows"
        if not self.fed:
            self.prompts.append(tuple(tokens.tolist()))
        one = self.token_ns if self.fed else self.prefill_ns * tokens.size
        self.machine.spend(one)
        self.fed += tokens.tolist()

    def greedy(self) -> int:
        """The sum of what was fed."""
        return sum(self.fed) % self.vocabulary
