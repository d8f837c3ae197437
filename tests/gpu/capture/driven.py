"""Passes of the agent and the analysis of the coordinator, without both of them around."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from bitgauge.agents import registry
from bitgauge.agents.passes._channel import Channel
from bitgauge.agents.passes.base import Child
from bitgauge.agents.runtimes import torch as runtime
from bitgauge.agents.spec import ChildSpec
from bitgauge.agents.worker.launch import pass_module
from bitgauge.benchmarks.analysis.analyse import RunFacts, analyse
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.raw.container import RawFile, write_raw
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Overrides, Workload

from .place import kind_and_unit

RUN = "00000000-0000-0000-0000-000000000001"
SAMPLES = 64
_CAP_NS, _REHEARSED_CAP_NS = 1_500_000_000, 20_000_000
"""Longest warm-up: twelve minutes are for everything."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file and what it is."""

    path: Path
    recipe: str
    family: FormatFamily

    @property
    def digest(self) -> Digest:
        """Of its content."""
        data = self.path.read_bytes()
        return Digest(hashlib.sha256(data).hexdigest(), len(data))


class Silent:
    """Stands for the pipe to an agent: nobody listens; see `passes._channel.Channel`."""

    def __init__(self) -> None:
        self.fraction = self.median_ns = self.least_ns = 0.0
        self.spent_ns: dict[str, int] = {}

    def phase(self, name: str) -> None:
        """A phase begins."""

    def gap(self) -> None:
        """No clock runs."""

    def building(self, share: float) -> None:
        """Something is built."""


class Driver:
    """Measures one artifact beside its baseline, as a job of profile `quick` would.

    Args:
        asked: of the step.
        evaluation: the file of inputs.
        batch: samples per call.
        options: of the candidate's session.
        overrides: of the profile, besides these.
    """

    def __init__(
        self,
        asked: Mapping[str, Any],
        evaluation: Path,
        batch: int,
        options: Mapping[str, str] | None = None,
        overrides: Overrides = NO_OVERRIDES,
    ) -> None:
        self._kind, self._unit = kind_and_unit(asked)
        self._on_card = not asked["rehearse"]
        self._evaluation = evaluation
        given = tuple(StackItem(*one) for one in sorted((options or {}).items()))
        self._overrides = replace(overrides, session_options=given)
        self._workload = Workload(batch=batch)
        self._cap_ns = _REHEARSED_CAP_NS if asked["rehearse"] else _CAP_NS

    def measured(
        self,
        pass_name: PassName,
        artifacts: Sequence[Artifact],
        raw: Path,
        *,
        launch: int = 0,
        **further: Any,
    ) -> RawFile:
        """One launch of a pass; its raw file is written to `raw`."""
        role = {1: RawRole.CANDIDATE, 2: RawRole.BOTH}[len(artifacts)]
        profile = further.pop("profile", Profile.QUICK)
        spec = ChildSpec(
            pass_name=pass_name,
            launch=launch,
            role=role,
            runtimes=(runtime.NAME,) * len(artifacts),
            workload=self._workload,
            profile=profile,
            recipe=artifacts[-1].recipe,
            seed=launch + 1,
            artifacts=tuple(one.digest.sha256 for one in artifacts),
            paths=tuple(str(one.path) for one in artifacts),
            evaluation=str(self._evaluation),
            result=str(raw),
            event_fd=-1,
            ack_fd=-1,
            device=self._kind,
            unit=self._unit,
            overrides=self._overrides,
            asked_ns=time.monotonic_ns(),
            run_id=RUN,
            references=len(artifacts) - 1,
            **further,
        )
        kind = registry.device(self._kind, ())
        channel = cast(Channel, Silent())
        child = Child(spec, channel, {runtime.NAME: runtime}, kind)
        child.plan = replace(child.plan, warmup_cap_ns=self._cap_ns)
        made = child.with_given(pass_module(pass_name).measure(child))
        write_raw(raw, made)
        return made

    def published(
        self,
        raws: Sequence[RawFile],
        baseline: Artifact,
        candidate: Artifact,
        *,
        profile: Profile = Profile.QUICK,
        meters: tuple[MeterDescription, ...] = (),
    ) -> list[Any]:
        """What the coordinator would publish, every metric with a value or a reason."""
        facts = RunFacts(
            run_id=RUN,
            entry_index=1,
            recipe=candidate.recipe,
            profile=profile,
            workload=self._workload,
            candidate=candidate.digest,
            baseline=baseline.digest,
            overrides=self._overrides,
            runtime=runtime.NAME,
            family=candidate.family,
            on_card=self._on_card,
            meters=meters,
        )
        told: list[Any] = msgspec.to_builtins(analyse(raws, facts))
        return told


def inputs(path: Path, name: str, like: Any) -> Path:
    """An evaluation set of random samples for one input, without labels."""
    shape = tuple(like.shape[1:])
    values = np.random.default_rng(7).standard_normal((SAMPLES, *shape), dtype=np.float32)
    ids = np.array([f"s{at}" for at in range(SAMPLES)])
    write_evaluation_set(path, EvaluationSet(inputs={name: values}, labels=None, ids=ids))
    return path


def written(path: Path, told: Any) -> None:
    """As JSON, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(told, indent=1) + "\n")
    fresh.replace(path)
