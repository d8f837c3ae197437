"""Two small architectures of 2017 with random weights get artifacts that pass the check."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.labs.graphs.architectures import QUICK, RECIPES, ordered, refusal


@pytest.mark.parametrize("name", QUICK)
def test_an_architecture_is_built_in_every_format(name: str, tmp_path: Path) -> None:
    baseline, calibration = ordered(name, tmp_path)
    refused = {one: refusal(baseline, calibration, one, tmp_path) for one in RECIPES}
    assert refused == dict.fromkeys(RECIPES, "")
