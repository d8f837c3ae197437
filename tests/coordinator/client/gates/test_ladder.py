"""A ladder climbed on a coordinator that answers by a script."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from bitgauge.benchmarks.ladder.climb import NOT_MEASURED
from bitgauge.benchmarks.ladder.rungs import Rung
from bitgauge.benchmarks.numerics.ledger import INTEGER, Ledger, OperatorRow, TensorRow
from bitgauge.benchmarks.record.explain.types import ExplainedRun
from bitgauge.benchmarks.vocabulary.enums import Disposition, EntryState, JobState, RunStatus
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.reasons import SATURATING
from bitgauge.benchmarks.vocabulary.values.gates import (
    FAILED,
    PASSED,
    REVIEW,
    GateRule,
    GateVerdict,
    RuleVerdict,
    UseCase,
)
from bitgauge.benchmarks.vocabulary.values.jobs import EntryView, JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RunView
from bitgauge.coordinator.cli.text.shipping.ladder import climbed_text
from bitgauge.coordinator.client.gates import ladder
from bitgauge.coordinator.client.gates.ladder import LadderOrder, climb, key_of
from bitgauge.coordinator.client.jobs import Submitted

from tests.labs import values

STATIC = "int8-static-u8s8-pc"
FASTER = MetricValue("latency_ratio", 0.5, 0.4, 0.6, verdict="FASTER")
USE_CASE = UseCase("u", (GateRule("max_accuracy_loss_pp", 1.0),))


@dataclass
class Scripted:
    """A coordinator: what a recipe loses, in points; None: it cannot be built."""

    loses: dict[str, float | None]
    saturates: tuple[str, ...] = ()
    ends: list[JobState] = field(default_factory=list)
    jobs: dict[str, JobSpec] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    refuses: bool = False
    ratio: MetricValue = FASTER

    def submit(self, spec: JobSpec) -> Submitted:
        new = spec.idempotency_key not in self.jobs
        self.jobs[spec.idempotency_key] = spec
        return Submitted(spec.idempotency_key, new)

    def watch(self, job_id: str) -> JobView:
        state = self.ends.pop(0) if self.ends else JobState.FINISHED
        recipe = self.jobs[job_id].entries[1].recipe
        built = self.loses[recipe] is not None
        ended = EntryState.ACCEPTED if built else EntryState.UNSUPPORTED
        entry = EntryView(1, "", recipe, ended, reason=None if built else "no builder")
        return values.seen(job_id, entry, state=state)

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        recipe = self.jobs[job_id].entries[1].recipe
        if self.loses[recipe] is None:
            return ()
        flags = (SATURATING,) if recipe in self.saturates else ()
        metrics = (
            self.ratio,
            MetricValue("saturated_pct", 1.0, flags=flags),
        )
        accepted, measured = Disposition.ACCEPTED, RunStatus.MEASURED
        told = ("d", "d", recipe, "bwrap", 0, 10**9)
        run = RunView(f"run of {recipe}", job_id, 1, 1, accepted, measured, *told)
        return (replace(run, metrics=metrics),)

    def judge(self, run_id: str, use_case: UseCase) -> GateVerdict:
        if self.refuses:
            raise Refused(Code.NOT_GATEABLE, "The run is suspect.")
        recipe = run_id.removeprefix("run of ")
        lost = self.loses[recipe]
        assert lost is not None
        key = "saturating" if recipe in self.saturates else "max_accuracy_loss_pp"
        said = FAILED if lost > 1 or recipe in self.saturates else PASSED
        rule = RuleVerdict(key, "accuracy_delta_pp", said, limit=1.0, value=-lost, why="w")
        return GateVerdict(run_id, "m", recipe, "d", "d", use_case, said, rules=(rule,))

    def keep_verdict(self, run_id: str, use_case: UseCase, paired: object) -> GateVerdict:
        self.kept.append(run_id)
        return self.judge(run_id, use_case)

    def run(self, run_id: str) -> str:
        return run_id


def asked(**changes: Any) -> LadderOrder:
    return replace(LadderOrder(values.job(), USE_CASE, "latency_ratio", stack="s"), **changes)


def climbed(lab: Scripted, *recipes: str, **changes: Any) -> Any:
    rungs = [Rung(one, 0.5, 0.5, 1.0, "") for one in recipes]
    return climb(cast("Any", lab), asked(**changes), rungs, lab.watch)


def explained(recipe: str) -> ExplainedRun:
    rows = [("/conv1", 40.0), ("/fc1", 15.0)]
    held = Ledger(
        samples=1,
        tensors=tuple(
            TensorRow(f"{name}:0", "uint8", name, 1, reference_sqnr_db=db) for name, db in rows
        ),
        operators=tuple(
            OperatorRow(name, "QLinearConv", INTEGER, "u8", "s8", True, 1, 1, f"{name}:0")
            for name, _ in rows
        ),
    )
    return ExplainedRun(recipe, {}, ledger=held)


def test_it_stops_at_the_first_that_passes() -> None:
    lab = Scripted({"fp16": 5.0, "int8-dynamic": 0.1, STATIC: 0.1})
    found = climbed(lab, "fp16", "int8-dynamic", STATIC)
    assert [one.outcome for one in found.tried] == [FAILED, PASSED]
    assert found.best.rung.recipe == "int8-dynamic"
    assert [rung.recipe for rung in found.left] == [STATIC]
    assert lab.kept == ["run of fp16", "run of int8-dynamic"]


def test_what_cannot_be_built_is_a_rung_with_its_reason() -> None:
    found = climbed(Scripted({"fp16": None, STATIC: 0.0}), "fp16", STATIC)
    assert (found.tried[0].outcome, found.tried[0].why) == (NOT_MEASURED, "no builder")
    assert found.outcome == PASSED


def test_a_format_that_lost_accuracy_returns_its_noisiest_layers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ladder, "subject_of", lambda _, run: explained(run))
    lab = Scripted(_WithKept({STATIC: 5.0, "fp16": 0.0}))
    found = climbed(lab, STATIC, "fp16", nodes=("/conv1", "/fc1"))
    kept = [one.rung.recipe for one in found.tried]
    assert len(kept) == 4, kept
    assert kept[0] == STATIC
    assert "fc1" in kept[1]
    assert "conv1" not in kept[1]
    assert "conv1" in kept[2]
    assert "fc1" in kept[2]
    assert kept[3] == "fp16"
    assert found.tried[1].rung.of == STATIC


class _WithKept(dict[str, "float | None"]):
    """What a recipe with layers in float loses is what it loses without."""

    def __missing__(self, key: str) -> float | None:
        return self[next(one for one in self if key.startswith(one))]


def test_one_that_saturates_returns_no_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "subject_of", lambda _, run: explained(run))
    lab = Scripted({STATIC: 5.0, f"{STATIC}-rr": 0.0}, saturates=(STATIC,))
    found = climbed(lab, STATIC, f"{STATIC}-rr", nodes=("/conv1", "/fc1"))
    assert [one.rung.recipe for one in found.tried] == [STATIC, f"{STATIC}-rr"]


def test_a_time_that_a_real_device_did_not_tell_is_no_gain() -> None:
    lab = Scripted({"fp16": 0.0}, ratio=MetricValue("latency_ratio", reason="invalid_discarded"))
    found = climbed(lab, "fp16")
    assert (found.best.outcome, found.best.gains, found.outcome) == (PASSED, False, FAILED)
    assert climbed(lab, "fp16", keeps_time=False).outcome == PASSED, "an emulated one never tells"


def test_a_ratio_of_a_quick_run_says_so() -> None:
    told = MetricValue("latency_ratio", 0.5, 0.4, 0.6, verdict="FASTER", flags=("preliminary",))
    found = climbed(Scripted({"fp16": 0.0}, ratio=told), "fp16")
    assert "latency ratio 0.500 (preliminary)" in climbed_text(found, "m", "latency_ratio")


def test_a_run_that_no_gate_takes_needs_a_person() -> None:
    found = climbed(Scripted({"fp16": 0.0}, refuses=True), "fp16")
    assert (found.outcome, found.best.why) == (REVIEW, "The run is suspect.")


def test_a_job_that_failed_before_is_asked_for_once_more() -> None:
    lab = Scripted({"fp16": 0.0})
    first = climbed(lab, "fp16")
    again = climbed(lab, "fp16")
    assert len(lab.jobs) == 1
    assert again.best.run_id == first.best.run_id
    lab.ends = [JobState.FAILED]
    climbed(lab, "fp16")
    assert list(lab.jobs) == [key_of(asked(), "fp16"), key_of(asked(), "fp16", 1)]


def test_another_stack_or_device_is_another_job() -> None:
    keys = {
        key_of(asked(), "fp16"),
        key_of(asked(stack="t"), "fp16"),
        key_of(asked(), "int8-dynamic"),
        key_of(asked(base=replace(asked().base, accuracy_margin_pp=2.0)), "fp16"),
    }
    assert len(keys) == 4
    assert key_of(asked(), "fp16") == key_of(asked(budget_s=5.0), "fp16")
