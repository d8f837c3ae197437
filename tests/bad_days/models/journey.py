"""One model's way through all that touches it: look, order, build, passes, analysis.

What a lab does on several machines and in many processes, in this one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from bitgauge.agents.passes import numerics, quality
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from bitgauge.coordinator.decisions import submission
from bitgauge.coordinator.models.formats.onnx.order.base import NOTHING
from bitgauge.coordinator.tasks import order, reference
from bitgauge.coordinator.tasks.inspect_job import inspect_job

from tests.labs import values
from tests.labs.rooms.passes import measured

RECIPES = ("fp16", "int8-dynamic", "int8-static-u8s8-pc", "int4-wo-b32")
_SENT, _EVALUATION = (Digest(one * 64, 1) for one in "de")

Arrays = Mapping[str, Any]


@dataclass
class Journey:
    """What became of one model.

    Attributes:
        order: what was done to it before anything else.
        reasons: why a recipe has no artifact, by recipe.
        metrics: what the analysis publishes, by recipe and key.
    """

    order: tuple[str, ...]
    reasons: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, dict[str, MetricValue]] = field(default_factory=dict)

    def of(self, recipe: str, key: str) -> float | str | None:
        """A number, or the reason why there is none."""
        found = self.metrics[recipe][key]
        return found.reason if found.value is None else found.value

    def judged(self, recipe: str) -> str:
        detail = self.metrics[recipe]["accuracy_pct"].detail
        return next(item.value for item in detail if item.name == "output")


@dataclass
class Traveller:
    """A model with its sets.

    Attributes:
        model: as it is sent.
        inputs: of the evaluation set.
        labels: of the same; None for a set without.
        batch: of the job.
        own: a ready-made artifact, measured instead of built ones.
    """

    folder: Path
    model: onnx.ModelProto
    inputs: Arrays
    labels: Any = None
    batch: int = 1
    own: onnx.ModelProto | None = None

    def travel(self, *recipes: str) -> Journey:
        """All of it.

        Raises:
            BitgaugeError: the look at the job refuses it.
        """
        onnx.save(self.model, self.folder / "sent.onnx")
        count = len(next(iter(self.inputs.values())))
        names = np.arange(count).astype(str)
        for name, labels in (("evaluation", self.labels), ("calibration", None)):
            given = EvaluationSet(dict(self.inputs), labels, names)
            write_evaluation_set(self.folder / f"{name}.npz", given)
        spec = JobSpec("it", _SENT, (Entry("", _SENT, "it.onnx"),), _EVALUATION)
        files = {_SENT: "sent.onnx", _EVALUATION: "evaluation.npz"}
        found = inspect_job(
            submission.completed(spec), lambda digest: self.folder / files[digest], {}
        )
        baseline = self.folder / "sent.onnx"
        notes: tuple[str, ...] = ()
        if found.disorder:
            baseline = self.folder / "ordered.onnx"
            notes = order.put_in_order(
                self.folder / "sent.onnx", self.folder / "evaluation.npz", NOTHING, baseline
            )
        journey = Journey(notes)
        with contextlib.suppress(Unsupported):  # then nothing is held against it
            reference.evaluate(
                baseline,
                self.folder / "evaluation.npz",
                self.folder / "reference.npz",
                self.batch,
                BuildLog(),
            )
        for recipe in recipes or RECIPES:
            artifact = self._artifact(journey, recipe, baseline)
            if artifact is not None:
                journey.metrics[recipe] = self._measured(recipe, baseline, artifact)
        return journey

    def _artifact(self, journey: Journey, recipe: str, baseline: Path) -> Path | None:
        output = self.folder / f"{recipe}.onnx"
        if self.own is not None:
            onnx.save(self.own, output)
            return output
        calibration = self.folder / "calibration.npz"
        try:
            registry.build(BuildRequest(parse(recipe), baseline, output, calibration, self.batch))
        except (Unsupported, BitgaugeError) as error:
            journey.reasons[recipe] = getattr(error, "reason", "") or str(error)
            return None
        return output

    def _measured(self, recipe: str, baseline: Path, artifact: Path) -> dict[str, MetricValue]:
        raws = []
        for which in (quality, numerics):
            raws.append(
                measured(
                    which,
                    self.folder / f"{recipe}-{which.NAME.value}.npz",
                    baseline,
                    artifact,
                    evaluation=self.folder / "evaluation.npz",
                    recipe=recipe,
                    workload=Workload(batch=self.batch),
                )
            )
        facts = values.facts(recipe=recipe, workload=Workload(batch=self.batch))
        metrics = analyse(raws, facts)
        if (expected := self.folder / "reference.npz").exists():
            metrics = reference.flagged(metrics, raws, expected)
        return {metric.key: metric for metric in metrics}
