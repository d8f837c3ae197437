"""Windows of energy around two artifacts of one network, by the card's own counter."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bitgauge.agents import registry
from bitgauge.agents.spec import TRACE_VARIABLE
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

from .driven import Driver, written
from .exported import artifact, evaluation
from .place import kind_and_unit

NET, FORMAT = "resnet", "fp16"
_BRIEF = Overrides(warmup_ms=200, launches=1, budget_ms=5_000)
"""Sixteen windows of 5 s, as short as a counter of ten values a second allows."""
_REHEARSED = Overrides(warmup_ms=10, launches=1, budget_ms=60)


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Writes the raw file and `energy.json`.

    A rehearsal meters with a recorded trace, whose joules are nobody's.
    """
    work, small = folder.parent / "work", asked["rehearse"]
    name = "replay" if small else "nvml"
    if small:
        trace = {"is_counter": True, "update_period_ns": 1_000_000, "points": _steady()}
        (folder / "trace.json").write_text(json.dumps(trace))
        os.environ[TRACE_VARIABLE] = str(folder / "trace.json")
    kind, unit = kind_and_unit(asked)
    meters, failed = registry.describe_meters(registry.find("meters", ()), kind, unit)
    written(folder / "meters.json", {"meters": [str(one) for one in meters], "failed": failed})
    artifacts = [artifact(work, NET, one, small=small) for one in ("fp32", FORMAT)]
    fed = evaluation(work, NET, small=small)
    driver = Driver(asked, *fed, overrides=_REHEARSED if small else _BRIEF)
    raw = driver.measured(
        PassName.ENERGY, artifacts, folder / "energy.npz", profile=Profile.STANDARD, meter=name
    )
    told = driver.published([raw], *artifacts, profile=Profile.STANDARD, meters=meters)
    written(folder / "energy.json", told)


def _steady() -> list[tuple[float, float]]:
    """A counter of 20 W for ten seconds, which begins again."""
    return [(at / 1000, 20.0 * at) for at in range(10_001)]
