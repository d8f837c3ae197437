"""The rest that a device gets."""

from __future__ import annotations

import math

import pytest
from bitgauge.agents.host.rest import CoolDown, Heat


def test_cooling_ends_when_it_is_cool_or_no_time_is_left() -> None:
    now, heat = [0.0], [40.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        heat[0] -= 0.5 * seconds

    cool = CoolDown(Heat(lambda: heat[0], patience_s=20.0), clock=lambda: now[0], sleep=sleep)
    assert cool() == 0
    heat[0] = 48.0
    assert cool() == pytest.approx(10.0)
    reached = [cool.reached]
    heat[0] = 60.0
    assert cool() == pytest.approx(10.0)  # what was left of the twenty
    assert [*reached, cool.reached] == [True, False]
    blind = CoolDown(Heat(lambda: math.nan), clock=lambda: now[0], sleep=sleep)
    assert blind() == 0.0
    assert blind.reached is True
