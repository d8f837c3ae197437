"""Children of an emulated device are waited for longer, and others are not."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.sandbox.confinement import SLOW, Confinement
from bitgauge.benchmarks.sandbox.base import RLIMITS, levels
from bitgauge.benchmarks.vocabulary.enums import Realness

from tests.labs import values


@pytest.mark.parametrize("realness", list(Realness))
def test_only_emulated_devices_have_more_time(realness: Realness) -> None:
    device = replace(values.bench(), realness=realness)
    patience = Confinement(levels()[RLIMITS]).of(device, tuple).patience
    assert patience == (SLOW if realness is Realness.EMULATED else 1.0)


def test_every_limit_grows_alike() -> None:
    usual, longer = PhaseLimits(), PhaseLimits().times(3.0)
    for one in fields(usual):
        assert getattr(longer, one.name) == 3.0 * getattr(usual, one.name)
