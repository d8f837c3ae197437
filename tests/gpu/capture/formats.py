"""Every format of a network against its FP32, eager without TF32: pairs, both clocks, memory."""

from __future__ import annotations

import traceback
from functools import partial
from pathlib import Path
from typing import Any

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

from .driven import Driver, written
from .exported import RECIPES, artifact, evaluation, of_zoo, zoo_programs

ZOO, ZOO_BATCH = "zoo", 32
BRIEF = Overrides(warmup_ms=100, launches=1, budget_ms=250)
_REHEARSED = Overrides(warmup_ms=10, launches=1, budget_ms=20)
GRAPH = "cudagraph"
"""Measured too on a card: FP32 as a graph, an execution of its own."""


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Writes raw files and `NET.json`, anew after each format.

    Raises:
        SystemExit: not one format could be measured.
    """
    work, small = folder.parent / "work", asked["rehearse"]
    measured = 0
    if asked["given"] == ZOO:
        for name, path in list(zoo_programs().items())[: 1 if small else None]:
            found = partial(of_zoo, work, path, batch=ZOO_BATCH)
            measured += _every(folder, asked, name, found, (zoo.evaluation_path(), ZOO_BATCH))
    else:
        net = asked["given"]
        found = partial(artifact, work, net, small=small)
        measured = _every(folder, asked, net, found, evaluation(work, net, small=small))
    if not measured:
        raise SystemExit("not one format could be measured")


def _every(folder: Path, asked: dict[str, Any], net: str, found: Any, fed: tuple[Path, int]) -> int:
    """Gives how many formats were measured; what could not be says why."""
    told: dict[str, Any] = {}
    for name in (*RECIPES, *(() if asked["rehearse"] else (GRAPH,))):
        try:
            told[name] = _one(folder, asked, net, name, found, fed)
        except Exception as error:  # the next format may well work
            traceback.print_exc()
            told[name] = {"failed": f"{type(error).__name__}: {error}"}
        written(folder / f"{net}.json", told)
    return sum("metrics" in one for one in told.values())


def _one(
    folder: Path, asked: dict[str, Any], net: str, name: str, found: Any, fed: tuple[Path, int]
) -> dict[str, Any]:
    baseline = found(name="fp32")
    candidate = baseline if name == GRAPH else found(name=name)
    options = {"tf32": {"tf32": "1"}, GRAPH: {"execution": GRAPH}}.get(name, {})
    given = {} if asked["rehearse"] else options
    driver = Driver(asked, *fed, given, _REHEARSED if asked["rehearse"] else BRIEF)
    raw = folder / f"{net}-{name}"
    raws = [
        driver.measured(PassName.PAIR, (baseline, candidate), raw.with_suffix(".pair.npz")),
        driver.measured(PassName.ABSOLUTE, (candidate,), raw.with_suffix(".absolute.npz")),
    ]
    return {
        "options": options,
        "bytes": candidate.digest.size_bytes,
        "told": str(raws[-1].meta.get("session_options", "")),
        "metrics": driver.published(raws, baseline, candidate),
    }
