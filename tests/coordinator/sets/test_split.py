"""Which samples calibrate: disjoint by content, stratified, repeatable."""

from __future__ import annotations

from collections import Counter

from bitgauge.coordinator.sets.split import split
from hypothesis import given
from hypothesis import strategies as st

CONTENTS = st.lists(st.integers(0, 30), min_size=2, max_size=80)


@given(CONTENTS, st.data())
def test_every_sample_is_on_one_side_with_those_of_its_content(
    found: list[int], data: st.DataObject
) -> None:
    contents = [str(one) for one in found]
    wanted = data.draw(st.integers(1, len(contents) - 1))
    strata = data.draw(st.one_of(st.none(), st.just([one % 3 for one in found])))
    seed = data.draw(st.integers(0, 5))
    kept, chosen = split(contents, strata, wanted, seed)
    assert sorted([*kept, *chosen]) == list(range(len(contents)))
    assert not {contents[at] for at in kept} & {contents[at] for at in chosen}
    most = max(Counter(contents).values())
    groups = 1 if strata is None else len(set(strata))
    assert abs(len(chosen) - wanted) <= groups * most
    again = split(contents, strata, wanted, seed)
    assert [one.tolist() for one in again] == [kept.tolist(), chosen.tolist()]


def test_different_samples_give_each_stratum_its_share() -> None:
    strata = ["many"] * 90 + ["few"] * 10
    _, chosen = split([str(at) for at in range(100)], strata, 20, seed=3)
    assert Counter(strata[at] for at in chosen) == {"many": 18, "few": 2}


def test_another_seed_chooses_others() -> None:
    contents = [str(at) for at in range(200)]
    first, second = (split(contents, None, 50, seed)[1].tolist() for seed in (0, 1))
    assert first != second
