"""Every format of exports keeps the same contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.exports.formats import registry
from bitgauge.coordinator.exports.formats.base import Exporter

FOUND = registry.found()


def test_nothing_is_skipped() -> None:
    assert FOUND.problems == ()
    assert list(FOUND.modules) == ["json", "csv", "parquet", "markdown"]


@pytest.mark.parametrize("name", FOUND.modules)
def test_a_format_writes_something_and_no_ending_is_anothers(name: str) -> None:
    module: Exporter = FOUND.modules[name]
    assert module.of_table or module.of_records
    others = [one for other, one in FOUND.modules.items() if other != name]
    taken = {ending for one in others for ending in (one.__name__.split(".")[-1], *one.ENDINGS)}
    assert not taken & {name, *module.ENDINGS}


@pytest.mark.parametrize(
    ("given", "output", "expected"),
    [
        (None, None, "json"),
        (None, "t.CSV", "csv"),
        (None, "t.md", "markdown"),
        (None, "t", "json"),
        ("json", "t.unknown", "json"),
        ("MD", "t.csv", "markdown"),
        ("parquet", "t", "parquet"),
    ],
)
def test_a_format_is_chosen_by_what_was_asked_for(
    given: str | None, output: str | None, expected: str
) -> None:
    assert registry.of_table(given, Path(output) if output else None) == expected


def test_what_cannot_be_chosen_is_one_sentence() -> None:
    with pytest.raises(BadInput, match="which is no format; give one of"):
        registry.of_table(None, Path("t.unknown"))
    with pytest.raises(BadInput, match="Unknown format 'xml'"):
        registry.of_table("xml", None)
    with pytest.raises(BadInput, match="Unknown format 'markdown'"):
        registry.of_records("markdown", None)
    with pytest.raises(BadInput, match="Parquet is no text; give -o FILE"):
        registry.of_table("parquet", None)
