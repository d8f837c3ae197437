"""A host whose kernels saturate: this one where the probe says so, else one that is injected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy.typing as npt
from bitgauge.agents.passes import numerics
from bitgauge.agents.passes._batches import Batches
from bitgauge.agents.passes.base import Child
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import Session, SessionOptions
from bitgauge.benchmarks.numerics.emulated_host import EmulatedHost
from bitgauge.benchmarks.numerics.ledger import Ledger
from bitgauge.benchmarks.quality.sets import EvaluationSet
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.numerics import read_ledger
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.session_options import mark_of
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Overrides, Workload

from .values import BASELINE, CANDIDATE, origin

Arrays = dict[str, npt.NDArray[Any]]


class EmulatedSession:
    """A session on the emulated host."""

    def __init__(self, host: EmulatedHost, like: Session) -> None:
        self._host, self.input_specs = host, like.input_specs
        self.output_names = like.output_names

    def options_set(self) -> dict[str, str]:
        return {}

    def bind(self, feeds: Arrays) -> Any:
        return lambda: self._host(feeds)

    def run(self, feeds: Arrays) -> list[npt.NDArray[Any]]:
        return self._host(feeds)

    def close(self) -> None:
        pass


def emulated_open_graph(path: Path, options: SessionOptions, folder: Path) -> ort.OrtGraph:
    """`ort.open_graph`, executed by the emulator."""
    opened = ort.open_saved(path, options, folder)

    def plain(model: bytes) -> Session:
        host = EmulatedHost(model, lambda one: opened.plain(one).run)
        return EmulatedSession(host, opened.session)

    return replace(opened, session=plain(opened.graph), plain=plain)


def saturating_host() -> tuple[Any, dict[str, str]]:
    """A runtime module whose kernels saturate, and its probe map."""
    here = ort.probe_kernels()
    if here.get("QLinearMatMul.u8s8.const") == "sat16":
        return ort, here
    injected = {name: "sat16" if ".u8s8." in name else mode for name, mode in here.items()}
    mark = mark_of(ort.PRECISION)
    rewritten = {f"{name}{mark}": "exact" for name in injected if name.endswith(".u8s8.const")}
    traits = replace(ort.TRAITS, graph=emulated_open_graph)
    return SimpleNamespace(TRAITS=traits), injected | rewritten


def measured(
    runtime: Any,
    paths: list[Path],
    evaluation: EvaluationSet,
    folder: Path,
    *,
    batch: int = 1,
    overrides: Overrides = NO_OVERRIDES,
) -> tuple[RawFile, Ledger]:
    """Pass `numerics` on the artifacts at `paths`, baseline first."""
    place = origin(
        PassName.NUMERICS,
        RawRole.BOTH,
        artifacts=(BASELINE.sha256, CANDIDATE.sha256)[: len(paths)],
        recipe="int8-static-u8s8-pt",
        workload=Workload(batch=batch),
        overrides=overrides,
    )

    def batches(
        evaluation: EvaluationSet, session: Session, wanted: int = batch, *, fit: bool
    ) -> Batches:
        return Batches(evaluation, session.input_specs, wanted, fit=fit)

    nothing = SimpleNamespace(phase=lambda name: None, gap=lambda: None)
    spec = SimpleNamespace(
        paths=[str(path) for path in paths],
        result=str(folder / "raw.npz"),
        runtimes=("onnxruntime",) * len(paths),
        runtime="onnxruntime",
        workload=place.workload,
        anchors=(),
    )
    child = SimpleNamespace(
        evaluation=lambda: evaluation,
        batches=batches,
        channel=nothing,
        spec=spec,
        options=lambda: SessionOptions(further=overrides.session_options),
        batch=batch,
        runtime=runtime,
        origin=place,
    )
    raw = numerics.measure(cast(Child, child))
    return raw, read_ledger(raw)
