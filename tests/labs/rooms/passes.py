"""Passes in this process: what a child of an agent is told, and what it measures."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

from bitgauge.agents import registry
from bitgauge.agents.passes._channel import Channel
from bitgauge.agents.passes.base import Child
from bitgauge.agents.runtimes import ort
from bitgauge.agents.spec import ChildSpec
from bitgauge.benchmarks.raw.container import RawFile, read_raw, write_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.values.jobs import Workload

from tests.labs import values

QUIET = cast(Channel, SimpleNamespace(phase=lambda name: None, gap=lambda: None))


def child_spec(pass_name: PassName, *paths: Path, **changes: Any) -> ChildSpec:
    """Of one launch over artifacts of ONNX Runtime, the baseline first."""
    told: dict[str, Any] = {
        "launch": 0,
        "role": RawRole.BOTH,
        "runtimes": (ort.NAME,) * len(paths),
        "workload": Workload(),
        "profile": Profile.QUICK,
        "recipe": values.RECIPE,
        "seed": 1,
        "artifacts": (values.BASELINE.sha256, values.CANDIDATE.sha256)[: len(paths)],
        "evaluation": "",
        "result": "",
        "event_fd": -1,
        "ack_fd": -1,
        "device": "fake",
    }
    return ChildSpec(pass_name=pass_name, paths=tuple(map(str, paths)), **(told | changes))


def measured(
    which: ModuleType, raw: Path, *paths: Path, evaluation: Path, **changes: Any
) -> RawFile:
    """The raw file of a pass, written to `raw` and read back."""
    spec = child_spec(which.NAME, *paths, evaluation=str(evaluation), **changes)
    child = Child(spec, QUIET, {ort.NAME: ort}, registry.device("fake", ()))
    write_raw(raw, which.measure(child))
    return read_raw(raw)
