"""One artifact against itself: what differs here is nothing but chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

from .driven import Driver, written
from .exported import artifact, evaluation

NET = "resnet"
_COUNT, _REHEARSED_COUNT = 8, 2
_BRIEF = Overrides(warmup_ms=100, launches=1, budget_ms=2_000)
_REHEARSED = Overrides(warmup_ms=10, launches=1, budget_ms=20)


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Writes raw files and `twice.json`, anew after each comparison."""
    work, small = folder.parent / "work", asked["rehearse"]
    one = artifact(work, NET, "fp32", small=small)
    fed = evaluation(work, NET, small=small)
    driver = Driver(asked, *fed, overrides=_REHEARSED if small else _BRIEF)
    told = []
    for launch in range(_REHEARSED_COUNT if small else _COUNT):
        raw = driver.measured(PassName.PAIR, (one, one), folder / f"{launch}.npz", launch=launch)
        metrics = driver.published([raw], one, one)
        told += [metric for metric in metrics if metric["key"] == "latency_ratio"]
        written(folder / "twice.json", told)
