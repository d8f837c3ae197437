"""Which environment goes when another needs its room."""

from __future__ import annotations

from bitgauge.coordinator.environments.room import Kept, to_remove
from hypothesis import given
from hypothesis import strategies as st


def test_the_one_not_used_for_longest_goes_first() -> None:
    kept = {"old": Kept(5, 1), "new": Kept(5, 2)}
    assert to_remove(kept, 5, 15) is None
    assert to_remove(kept, 6, 15) == "old"
    assert to_remove({"new": kept["new"]}, 6, 15) is None


def test_what_is_in_use_stays() -> None:
    assert to_remove({"old": Kept(5, 1, in_use=True), "new": Kept(5, 2)}, 6, 15) == "new"


def test_none_goes_for_what_would_not_fit_alone() -> None:
    assert to_remove({"old": Kept(5, 1)}, 16, 15) is None
    assert to_remove({"old": Kept(5, 1), "used": Kept(8, 1, in_use=True)}, 8, 15) is None


KEPT = st.builds(Kept, st.integers(0, 20), st.integers(0, 9), st.booleans())


@given(st.dictionaries(st.integers(), KEPT, max_size=6), st.integers(0, 40), st.integers(0, 60))
def test_it_ends_with_room_or_with_nothing_that_could_give_it(
    kept: dict[int, Kept], needed: int, most: int
) -> None:
    before = dict(kept)
    while (gone := to_remove(kept, needed, most)) is not None:
        assert not kept.pop(gone).in_use
    held = sum(one.size_bytes for one in before.values() if one.in_use)
    fits = sum(one.size_bytes for one in kept.values()) + needed <= most
    assert fits == (held + needed <= most)
    if not fits:
        assert kept == before
