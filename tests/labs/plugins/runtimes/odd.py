"""Fake models that take real time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bitgauge.agents.runtimes import fake
from bitgauge.agents.runtimes.base import SessionOptions, Traits
from bitgauge.agents.runtimes.fake import empty_artifact, prepare
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

if TYPE_CHECKING:
    from bitgauge.agents.runtimes.base import Feeds, Outputs

__all__ = ["HINT", "NAME", "RANK", "TRAITS", "empty_artifact", "load", "prepare", "probe"]

NAME = "odd"
RANK = 95
HINT = "the tests' own"
TRAITS = Traits(("fake",))


def probe() -> RuntimeDescription:
    return RuntimeDescription(name=NAME, version="1", families=tuple(FormatFamily))


class Odd(fake.FakeSession):
    calls = 0

    def run(self, feeds: Feeds) -> Outputs:
        outputs = super().run(feeds)
        if self._model.target == "empty":
            return [np.empty((len(outputs[0]), 0), np.float32)]
        return outputs

    def _act(self) -> None:
        super()._act()
        if self._model.target == "restless":
            # 3 % slower from call to call until the warm-up is over, which ends after 3 s: no
            # neighbour's noise levels that.
            time.sleep(8e-3 * 1.03 ** min(self.calls, 95))
            self.calls += 1


def load(path: Path, options: SessionOptions) -> Odd:
    return Odd(fake.load(path, options)._model)
