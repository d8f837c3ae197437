"""What every store keeps of verdicts: appended, counted by the newest, audited."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import Realness
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.gates import (
    FAILED,
    PASSED,
    REVIEW,
    GateRule,
    GateVerdict,
    PairedAnswers,
    RuleVerdict,
    UseCase,
    VerdictQuery,
)
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.asker import Asker

from tests.labs.refused import refused
from tests.labs.rooms.past import measure
from tests.labs.store import Lab
from tests.labs.values import device

ANN = Asker("ann", owns_all=False)
LOSS = GateRule("max_accuracy_loss_pp", 1.0)
TRIAGE = UseCase("triage", (LOSS,))


def counted(b: int, c: int, n: int = 10_000) -> MetricValue:
    detail = (StackItem("b", str(b)), StackItem("c", str(c)))
    value = 100 * (c - b) / n
    return MetricValue("accuracy_delta_pp", value, value - 0.2, value + 0.2, n=n, detail=detail)


def run_of(lab: Lab, on: str = "rpi5", b: int = 10, c: int = 10) -> str:
    job = lab.job(measure(lab, on=on, accuracy_delta_pp=counted(b, c)))
    run_id = job.entries[1].run_id
    assert run_id
    return run_id


def keep(
    lab: Lab,
    run_id: str,
    use_case: UseCase = TRIAGE,
    paired: PairedAnswers | None = None,
    further: tuple[RuleVerdict, ...] = (),
) -> GateVerdict:
    lab.wait(1)
    return lab.store.keep_verdict(run_id, use_case, paired, further, now_ns=lab.now_ns, asker=ANN)


def decide(lab: Lab, run_id: str, *, approved: bool, use_case: str = "") -> GateVerdict:
    lab.wait(1)
    return lab.store.decide_verdict(
        run_id,
        use_case,
        approved=approved,
        by="Ann",
        reason="looked",
        now_ns=lab.now_ns,
        asker=ANN,
    )


def test_a_verdict_is_kept_with_its_figures_and_in_the_audit(lab: Lab) -> None:
    run_id = run_of(lab)
    asked = lab.store.judge(run_id[:8], TRIAGE)
    assert (asked.position, lab.store.verdicts(VerdictQuery())) == (0, ())
    kept = keep(lab, run_id)
    assert (kept.outcome, kept.position, kept.who) == (PASSED, 1, "ann")
    assert kept.rules == asked.rules
    assert lab.store.verdicts(VerdictQuery(run_id=run_id)) == (kept,)
    assert lab.store.verdicts(VerdictQuery(use_case="another")) == ()
    entry = lab.store.audit(limit=1)[0]
    assert (entry.who, entry.what, entry.object) == ("ann", "gate.judge", run_id)
    assert "for triage: passed" in entry.detail


def test_no_verdict_is_changed_or_deleted(lab: Lab) -> None:
    keep(lab, run_of(lab))
    with lab.store.writing("trying") as db:
        for sql in ("UPDATE verdicts SET outcome = 'failed'", "DELETE FROM verdicts"):
            with pytest.raises(sqlite3.IntegrityError, match="a verdict is never"):
                db.conn.execute(sql)


def test_a_person_s_word_follows_a_gate_and_replaces_no_limit(lab: Lab) -> None:
    first = run_of(lab)
    with refused(Code.UNKNOWN_VERDICT, "No gate has judged"):
        decide(lab, first, approved=True)
    strict = replace(TRIAGE, first=REVIEW)
    assert keep(lab, first, strict).outcome == REVIEW
    said = decide(lab, first, approved=True)
    assert (said.kind, said.outcome, said.by, said.reason) == ("approved", PASSED, "Ann", "looked")
    assert lab.store.audit(limit=1)[0].detail == "approved for triage by Ann: looked"
    bad = run_of(lab, b=400)
    assert keep(lab, bad).outcome == FAILED
    with refused(Code.NOT_APPROVABLE, "max_accuracy_loss_pp"):
        decide(lab, bad, approved=True)
    with refused(Code.UNKNOWN_VERDICT, "for another"):
        decide(lab, first, approved=True, use_case="another")


def test_the_accepted_version_is_the_newest_that_nobody_rejected(lab: Lab) -> None:
    first, second, third = run_of(lab), run_of(lab), run_of(lab)
    assert keep(lab, first).accepted_run_id == ""
    assert keep(lab, second).accepted_run_id == first
    assert lab.store.judge(third, TRIAGE).accepted_run_id == second
    decide(lab, second, approved=False)
    assert lab.store.judge(third, TRIAGE).accepted_run_id == first
    assert lab.store.judge(third, replace(TRIAGE, name="other")).accepted_run_id == ""


def test_another_device_s_version_is_not_compared_with(lab: Lab) -> None:
    lab.register(device("nano"))
    keep(lab, run_of(lab))
    assert lab.store.judge(run_of(lab, on="nano"), TRIAGE).accepted_run_id == ""


def test_paired_answers_decide_against_the_accepted_version(lab: Lab) -> None:
    first, second = run_of(lab), run_of(lab)
    answers = PairedAnswers(1000, 80, 0)
    assert keep(lab, first, paired=answers).outcome == PASSED  # nothing to be paired with
    assert keep(lab, second, paired=answers).outcome == FAILED


def test_what_a_policy_says_is_kept_and_only_adds(lab: Lab) -> None:
    run_id = run_of(lab)
    why = "fp16 is not sanctioned"
    assert (
        keep(lab, run_id, further=(RuleVerdict("policy", "", FAILED, why=why),)).outcome == FAILED
    )
    assert lab.store.audit(limit=1)[0].detail.endswith("failed; policy: fp16 is not sanctioned")
    with refused(Code.BAD_ARGUMENT, "Unknown verdict"):
        lab.store.judge(run_id, TRIAGE, None, (RuleVerdict("policy", "", "fine"),))


def test_what_was_loosened_since_the_model_was_judged_last_is_said(lab: Lab) -> None:
    run_id = run_of(lab)
    keep(lab, run_id)
    found = keep(lab, run_id, replace(TRIAGE, rules=(GateRule(LOSS.key, 3.0),)))
    assert found.loosened == ("max_accuracy_loss_pp is 3, it was 1",)
    assert "loosened" in lab.store.audit(limit=1)[0].detail
    assert lab.store.judge(run_id, TRIAGE).loosened == ()


def test_an_emulated_device_s_verdict_is_partial_and_accepts_nothing(lab: Lab) -> None:
    lab.register(replace(device("nano"), realness=Realness.EMULATED))
    run_id, later = run_of(lab, on="nano"), run_of(lab, on="nano")
    assert keep(lab, run_id).partial
    assert lab.store.judge(later, TRIAGE).accepted_run_id == ""


@pytest.mark.parametrize(
    ("use_case", "said"),
    [
        (replace(TRIAGE, rules=()), "sets no limit"),
        (replace(TRIAGE, rules=(LOSS, LOSS)), "twice"),
        (replace(TRIAGE, rules=(GateRule("max_latncy_p99", 1.0),)), "did you mean max_latency_p9"),
        (replace(TRIAGE, rules=(GateRule(LOSS.key, -1.0),)), "is -1.0"),
        (replace(TRIAGE, first=FAILED), "first is none of"),
        (replace(TRIAGE, review=("nothing",)), "Unknown flag"),
        (replace(TRIAGE, classes=(GateRule("cat", 1.0),)), "class cat is 1.0"),
    ],
)
def test_a_use_case_that_no_file_could_say_is_refused(
    lab: Lab, use_case: UseCase, said: str
) -> None:
    with refused(Code.BAD_ARGUMENT, said):
        lab.store.judge(run_of(lab), use_case)


def test_a_run_of_a_device_that_nobody_confirmed_is_refused(lab: Lab) -> None:
    run_id = run_of(lab)
    with lab.store.writing("forgetting") as db:
        db.execute("UPDATE devices SET confirmed_by = NULL")
    with refused(Code.NOT_GATEABLE, "unconfirmed"):
        lab.store.judge(run_id, TRIAGE)
