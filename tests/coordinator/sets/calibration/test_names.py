"""Names of calibration sets: what can be typed, and which version is meant."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.calibration import CalibrationSet
from bitgauge.coordinator.sets.calibration.names import require_set_name, set_named

from tests.labs.values import digest

SETS = tuple(
    CalibrationSet(name, version, digest(f"{name}{version}"), 100, "x")
    for name, version in (("day", 1), ("night", 1), ("night", 2), ("night", 10))
)


@pytest.mark.parametrize(
    ("text", "meant"), [("day", "day@1"), ("night", "night@10"), ("night@2", "night@2")]
)
def test_a_name_means_the_newest_and_a_version_itself(text: str, meant: str) -> None:
    assert set_named(SETS, text).label == meant


@pytest.mark.parametrize(
    ("text", "words"),
    [("nigth", "did you mean night?"), ("night@3", "versions are 1 to 10"), ("night@", "''")],
)
def test_what_is_not_there_is_said_with_what_is(text: str, words: str) -> None:
    with pytest.raises(BitgaugeError, match=words.replace("?", r"\?")) as caught:
        set_named(SETS, text)
    assert caught.value.code is Code.UNKNOWN_CALIBRATION_SET


@pytest.mark.parametrize("name", ["", "a@1", "a=b", "-a", "a b", "a\n", "x" * 81])
def test_a_name_that_could_not_be_typed_is_refused(name: str) -> None:
    assert require_set_name("night.v2_a-b") == "night.v2_a-b"
    with pytest.raises(BitgaugeError, match="no name of a calibration set"):
        require_set_name(name)
