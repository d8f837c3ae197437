"""Critical classes: judged on their own samples, at their own margin, and never left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from bitgauge.benchmarks.gates.classes import of_classes
from bitgauge.benchmarks.gates.judge import judge
from bitgauge.benchmarks.quality.accuracy import Paired, non_inferiority, score
from bitgauge.benchmarks.samples import QualitySamples
from bitgauge.benchmarks.vocabulary.values.gates import (
    FAILED,
    PASSED,
    REVIEW,
    GateRule,
    RuleVerdict,
    UseCase,
)

from .test_judge import LOSS, case, rule, run

THREE = GateRule("3", 2.0)


def answers(wrong: int, n: int = 200) -> QualitySamples:
    """`n` samples of each of four classes; the run has `wrong` of class 3 wrong, and no other."""
    labels = np.repeat(np.arange(4), n)
    told = labels.copy()
    told[-wrong or len(told) :] = 0
    logits = np.eye(4, dtype=np.float32) * 5
    return score(logits[labels], logits[told], labels, None)


def test_a_class_is_judged_on_its_own_samples() -> None:
    use_case = case(LOSS, classes=(THREE,))
    [fine] = of_classes(answers(0), use_case)
    assert (fine.rule, fine.verdict, fine.limit) == ("class 3", PASSED, 2.0)
    [bad] = of_classes(answers(40), use_case)
    assert (bad.verdict, bad.value) == (FAILED, -20.0)
    assert bad.playbook
    [unsure] = of_classes(answers(3), use_case)
    bounds = non_inferiority(Paired(200, 3, 0), 0.02)
    assert (unsure.verdict, unsure.samples_needed) == (REVIEW, bounds.samples_needed)
    [none] = of_classes(answers(0), case(LOSS, classes=(GateRule("7", 1.0),)))
    assert (none.verdict, none.why) == (REVIEW, "no sample is labelled with it")
    assert of_classes(replace(answers(0), labels=None), use_case) == ()


def test_a_class_that_nobody_told_of_is_unknown_and_one_told_counts() -> None:
    use_case = case(LOSS, classes=(THREE,))
    assert judge(run(), use_case).outcome == REVIEW
    assert "not told" in rule(judge(run(), use_case), "class 3").why
    assert judge(run(), replace(use_case, unknown=FAILED)).outcome == FAILED
    told = of_classes(answers(0), use_case)
    assert judge(run(), use_case, further=told).outcome == PASSED
    assert judge(run(), use_case, further=of_classes(answers(40), use_case)).outcome == FAILED


def test_further_rules_only_add() -> None:
    passing = RuleVerdict(LOSS.key, "", PASSED)
    failing = case(GateRule("max_size_ratio", 0.1), unknown=FAILED)
    assert judge(run(), failing, further=[passing]).outcome == FAILED
    assert judge(run(), case(), further=[RuleVerdict("policy", "", FAILED)]).outcome == FAILED


def test_a_class_that_was_loosened_is_pointed_out() -> None:
    def of(*classes: GateRule) -> UseCase:
        return case(LOSS, classes=classes)

    assert judge(run(), of(GateRule("3", 5.0)), before=of(THREE)).loosened == (
        "class 3 is 5, it was 2",
    )
    assert judge(run(), of(), before=of(THREE)).loosened == (
        "class 3 has no margin of its own any more",
    )
    assert judge(run(), of(THREE), before=of(GateRule("3", 5.0))).loosened == ()
