"""What sessions say of themselves qualifies every time that was taken of them."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.analysis.timed import told_flags
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.given import given_meta
from bitgauge.benchmarks.vocabulary.reasons import BUILDS_VARY, CONVERTED_BORDER, FLAGS


@pytest.mark.parametrize(
    ("told", "flags"),
    [
        ({}, ()),
        ({"two builds": "two builds gave the same bytes"}, ()),
        ({"two builds": "engine builds differ: 1 of 4 layers in other kernels"}, (BUILDS_VARY,)),
        (
            {"converted outside the clock": "x", "two builds": "engine builds differ: in time"},
            (CONVERTED_BORDER, BUILDS_VARY),
        ),
    ],
)
def test_two_builds_that_differ_are_a_note_of_the_row(
    told: dict[str, str], flags: tuple[str, ...]
) -> None:
    raws = [RawFile(given_meta(1, "", (), ()), {}), RawFile(given_meta(1, "", (), (told,)), {})]
    assert told_flags(raws) == flags
    assert set(flags) <= set(FLAGS)
