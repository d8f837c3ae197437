"""Sessions that are made anew behind calls that stay."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from bitgauge.agents.passes._placements import Placements
from bitgauge.benchmarks.quality.sets import InputSpec


class Stub:
    def __init__(self, log: list[str], name: str) -> None:
        self._log = log
        self._name = name
        self.input_specs: tuple[InputSpec, ...] = ()
        self.output_names: tuple[str, ...] = ()

    def options_set(self) -> dict[str, str]:
        return {}

    def bind(self, feeds: object) -> Callable[[], None]:
        return lambda: self._log.append(self._name)

    def run(self, feeds: object) -> list[np.ndarray[Any, Any]]:
        return []

    def close(self) -> None:
        return None


def test_calls_stay_while_the_sessions_behind_them_change() -> None:
    log: list[str] = []
    numbers = itertools.count()
    placements = Placements(
        lambda letter: Stub(log, f"{'AB'[letter]}{next(numbers) // 2}"),
        lambda _: [{}],
        2,
        np.random.default_rng(1),
    )
    a, b = placements.calls()
    a()
    b()
    placements.place()
    a()
    b()
    assert log == ["A0", "B0", "A1", "B1"]
    time.sleep(0.01)
    placements.between_quads()
    assert placements.count == 3
