"""Overrides: what is allowed, how it is said, and that less never passes for more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.selection.gather import gather
from bitgauge.benchmarks.table.rows import SettledRow, newest_rows
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass, Profile
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.profiles import (
    buys_less,
    overrides_problem,
    overrides_words,
    require_overrides,
)
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides
from bitgauge.coordinator.cli.orders import parse_overrides
from bitgauge.coordinator.cli.text.rows import table_text
from bitgauge.coordinator.decisions.submission import completed

from tests.labs.rooms.choices import row
from tests.labs.values import facts, job

LESS = Overrides(launches=1, budget_ms=50)


def test_what_was_typed() -> None:
    assert parse_overrides(None, None, None, Profile.QUICK) == Overrides()
    given = parse_overrides("1.5s", 2, "3min", Profile.STANDARD)
    assert given == Overrides(1500, 2, 180_000)
    with pytest.raises(BadInput, match="a time with its unit"):
        parse_overrides("5", None, None, Profile.QUICK)


@pytest.mark.parametrize(
    ("overrides", "profile", "sentence"),
    [
        (Overrides(launches=0), Profile.QUICK, "launches 0 is not 1 to 100"),
        (Overrides(budget_ms=1), Profile.QUICK, "budget 1 ms is not 10 ms to 120 min"),
        (Overrides(warmup_ms=700_000), Profile.QUICK, "warm-up 700 s is not 0 s to 10 min"),
        (Overrides(warmup_ms=-1), Profile.QUICK, "warm-up -1 ms is not"),
        (Overrides(budget_ms=60_000), Profile.SUSTAINED, "too short for profile sustained"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(
    overrides: Overrides, profile: Profile, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence) as caught:
        require_overrides(overrides, profile)
    assert caught.value.code is Code.BAD_ARGUMENT
    spec = job(profile=profile, overrides=overrides)
    with pytest.raises(BadInput, match=sentence):
        completed(spec)  # whoever submits without the command line is told the same
    assert overrides_problem(Overrides(budget_ms=120_000), Profile.SUSTAINED) is None


def test_less_than_the_profile_is_preliminary() -> None:
    about = facts(profile=Profile.STANDARD)
    assert about.profile_flags == ()
    for overrides in (Overrides(launches=1), Overrides(budget_ms=50), Overrides(warmup_ms=0)):
        assert buys_less(overrides, Profile.STANDARD)
        assert replace(about, overrides=overrides).profile_flags == ("preliminary",)
    more = Overrides(warmup_ms=60_000, launches=9, budget_ms=20_000)
    assert replace(about, overrides=more).profile_flags == ()


def test_an_overridden_row_is_another_row_and_says_so() -> None:
    whole = replace(row("int8-dynamic"), profile=Profile.STANDARD)
    less = replace(whole, overrides=LESS)
    candidates = [SettledRow(one, at, True, str(at)) for at, one in enumerate((whole, less))]
    assert newest_rows(candidates) == (whole, less)
    printed = table_text([whole, less])
    assert printed.count("overridden: launches 1, budget 50 ms") == 1
    assert overrides_words(Overrides(warmup_ms=0)) == "warm-up 0 ms"


def test_a_choice_rests_on_whole_profiles_first() -> None:
    less = replace(
        row("int8-dynamic"), profile=Profile.CERTIFIED, overrides=LESS, measured_unix_ns=9
    )
    whole = replace(row("int8-dynamic"), profile=Profile.QUICK, measured_unix_ns=1)
    query = SelectQuery(ModelClass.CNN, HardwareClass.CPU_ONLY)
    for rows in ([less, whole], [whole, less]):
        assert [one.overrides for one in gather(query, rows).rows] == [Overrides()]
    sustained = replace(whole, profile=Profile.SUSTAINED)
    assert gather(query, [whole, sustained]).rows == (sustained,)
