"""The three figures of a card's memory, in a process that loads one artifact and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import PassName

from .driven import Driver, written
from .exported import artifact, evaluation

NET = "resnet"


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Writes the raw file and `memory.json`."""
    work, small = folder.parent / "work", asked["rehearse"]
    fp32 = artifact(work, NET, "fp32", small=small)
    candidate = artifact(work, NET, asked["given"], small=small)
    driver = Driver(asked, *evaluation(work, NET, small=small))
    raw = driver.measured(PassName.MEMORY, (candidate,), folder / "memory.npz")
    written(folder / "memory.json", driver.published([raw], fp32, candidate))
