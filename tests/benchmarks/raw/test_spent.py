"""Where the seconds of launches went."""

from __future__ import annotations

from typing import Any

import pytest
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.spent import spent_by_pass, spent_meta, spent_of
from bitgauge.benchmarks.vocabulary.enums import RawRole


def test_what_a_child_states_is_read() -> None:
    told = {"start": 0.41234, "load": 0.0, "measure": 6.0}
    raw = RawFile(spent_meta(told), {})
    assert spent_of(raw) == {"start": 0.412, "load": 0.0, "measure": 6.0}


@pytest.mark.parametrize(
    "spent", [None, 7, [], {"start": -1}, {"start": "1"}, {"lunch": 1.0}, {"load": float("nan")}]
)
def test_what_an_older_or_another_agent_states_tells_nothing(spent: Any) -> None:
    assert spent_of(RawFile({} if spent is None else {"spent": spent}, {})) is None


def test_launches_of_a_pass_and_role_are_one_line() -> None:
    def launch(pass_name: str, role: RawRole, **phase_s: float) -> tuple[str, RawRole, RawFile]:
        return pass_name, role, RawFile(spent_meta(phase_s), {})

    silent = ("memory", RawRole.CANDIDATE, RawFile({}, {}))
    pair, absolute, floor = spent_by_pass(
        [
            launch("pair", RawRole.BOTH, start=1.0, measure=6.0),
            launch("absolute", RawRole.CANDIDATE, start=0.5, warm_up=0.2),
            launch("absolute", RawRole.CANDIDATE, start=0.25, measure=1.0),
            launch("absolute", RawRole.FLOOR, start=0.125),
            silent,
        ]
    )
    assert (pair.pass_name, pair.launches, pair.total_s) == ("pair", 1, 7.0)
    assert (absolute.role, absolute.launches) == ("candidate", 2)
    assert absolute.phase_s == {"start": 0.75, "warm_up": 0.2, "measure": 1.0}
    assert floor.total_s == 0.125
