"""Raw data say for which run and on which device they were made."""

from __future__ import annotations

from typing import Any

import pytest
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.origin import origin_meta, raw_origin
from bitgauge.benchmarks.raw.sentinel import sentinel_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import Code
from numpy import full

from tests.labs import values
from tests.labs.refused import refused

RUN, BASELINE_RUN = "run-1", "run-0"
FACTS = values.facts(runs=(RUN, BASELINE_RUN), device_id="here", signed=True)


def made(**changes: str) -> RawFile:
    told: dict[str, Any] = {"run_id": RUN, "device_id": "here"} | changes
    where = values.origin(PassName.SENTINEL, RawRole.FLOOR, **told)
    return sentinel_raw(where, full(40, 1000))


@pytest.mark.parametrize("run_id", [RUN, BASELINE_RUN])
def test_its_own_and_those_of_its_baseline_are_taken(run_id: str) -> None:
    assert analyse([made(run_id=run_id)], FACTS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run_id": "run-9"}, "is of run run-9; the device reported it as of run-1"),
        ({"device_id": "there"}, "is of device there"),
        ({"run_id": ""}, "does not say of which run it is"),
        ({"device_id": ""}, "does not say of which device it is"),
    ],
)
def test_another_s_and_nobody_s_are_not(changes: dict[str, str], words: str) -> None:
    with refused(Code.BAD_RAW, words):
        analyse([made(**changes)], FACTS)


def test_what_older_agents_made_is_analysed_again() -> None:
    older = values.facts(runs=(RUN,), device_id="here")
    assert analyse([made(run_id="", device_id="")], older)
    with refused(Code.BAD_RAW):
        analyse([made(run_id="run-9", device_id="")], older)


def test_an_origin_comes_back_as_it_was() -> None:
    for one in (made(), made(run_id="", device_id="")):
        assert origin_meta(raw_origin(one)).items() <= one.meta.items()
    assert "run_id" not in made(run_id="").meta
