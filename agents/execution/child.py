"""One child of a run: what it is told, and the folder that it finds its files in."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.manifest import ArtifactFiles
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.meters import metering

from ..spec import ChildSpec
from .bench import Bench
from .plan import PassPlan, references

if TYPE_CHECKING:
    from .run import Run

OWN = "child"
"""The part of a run's folder that its children may write to."""


def lay_out(bench: Bench, spec: ChildSpec, sources: Sequence[ArtifactFiles], folder: Path) -> None:
    """A fresh folder for the child, and one for each artifact that holds nothing else.

    A model file may name others beside it; in the cache those would be other people's.
    """
    machine = bench.machine
    machine.fresh_folder(folder)
    machine.make_folder(folder / OWN)
    places = [Path(path) for path in spec.paths]
    if not sources:
        runtime = bench.module(spec.runtime)
        sentinel = spec.pass_name is PassName.SENTINEL
        make = runtime.TRAITS.sentinel if sentinel else runtime.empty_artifact
        assert make is not None, "a bracket is planned only around a runtime that has a sentinel"
        machine.place(places[0], make())
    for place, source in zip(places, sources, strict=bool(sources)):
        for name, file in source.files.items():
            machine.place(place.parent / name, file)


def spec_of(
    bench: Bench,
    run: Run,
    plan: PassPlan,
    sources: Sequence[ArtifactFiles],
    evaluation: Path | None,
) -> ChildSpec:
    """What the child is told."""
    job, folder = run.job, bench.folder / run.name
    names = [source.entry for source in sources] or ["floor"]
    places = [folder / "artifacts" / str(at) / name for at, name in enumerate(names)]
    meters = metering(bench.device.meters)
    return ChildSpec(
        pass_name=plan.pass_name,
        launch=plan.launch,
        role=plan.role,
        runtimes=plan.runtimes,
        workload=job.workload,
        profile=job.profile,
        recipe=run.entry.recipe,
        seed=_seed(run.name, plan),
        artifacts=tuple(digest.sha256 for digest in plan.artifacts),
        paths=tuple(str(place) for place in places),
        folders=tuple(
            str(place.parent)
            for place, source in zip(places, sources, strict=bool(sources))
            if len(source.files) > 1
        ),
        evaluation=str(evaluation or ""),
        result=str(folder / OWN / "raw.npz"),
        event_fd=-1,
        ack_fd=-1,
        device=bench.kind,
        unit=bench.unit,
        plugins=tuple(str(path) for path in bench.plugins),
        overrides=job.overrides,
        meter=meters.best,
        second_meter=meters.second,
        beside=meters.beside,
        evaluation_sha256=job.evaluation.sha256,
        anchors=bench.anchors(plan.runtimes[-1]),
        asked_ns=time.monotonic_ns(),
        output=job.output,
        run_id=run.name,
        device_id=bench.device.device_id,
        references=references(plan, run.entry.index),
        no_room=plan.no_room,
    )


def _seed(name: str, plan: PassPlan) -> int:
    """Of every random choice in a launch; the same one when the launch is repeated."""
    text = f"{name}/{plan.pass_name.value}/{plan.role.value}/{plan.launch}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
