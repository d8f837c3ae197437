"""A policy: what is sanctioned where, and what becomes of the rest."""

from __future__ import annotations

import datetime

import pytest
from bitgauge.benchmarks.gates.policy import parse_policy, sanctioned, shipped_policy
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.gates import FAILED, PASSED, REVIEW, RuleVerdict

TODAY = datetime.date(2026, 12, 1)
HEAD = '[[sanction]]\nformats = ["int8-*"]\ndefault = "int8-dynamic"\n'
TEXT = (
    '[[sanction]]\nmodel_class = "cnn"\nformats = ["int8-static-*"]\ndefault = "fp16"\n'
    'deviate_when = "tiny ones"\n'
    '[[sanction]]\nhardware_class = "edge_arm"\nformats = []\ndefault = "int8-dynamic"\n'
    "until = 2026-11-30\n"
)


def said(
    recipe: str,
    model: ModelClass | None = ModelClass.CNN,
    hardware: HardwareClass | None = HardwareClass.CPU_ONLY,
    deviation: str = "",
) -> RuleVerdict:
    policy = parse_policy(TEXT, "p")
    return sanctioned(policy, recipe, model, hardware, today=TODAY, deviation=deviation)


def test_the_first_sanction_that_fits_counts() -> None:
    assert said("fp16").verdict == PASSED
    assert "is the default" in said("fp16").why
    assert said("int8-static-u8s8-pc").verdict == PASSED
    wrong = said("int8-dynamic")
    assert wrong.verdict == FAILED
    assert wrong.why == (
        "int8-dynamic is not sanctioned for cnn on cpu_only, which takes fp16, int8-static-*;"
        " another is for tiny ones"
    )
    assert said("int8-dynamic", hardware=HardwareClass.EDGE_ARM).verdict == FAILED


def test_fp32_needs_nobody_and_what_nobody_speaks_of_a_person() -> None:
    assert said("fp32", ModelClass.MLP).verdict == PASSED
    assert said("int8-dynamic", ModelClass.MLP).verdict == REVIEW
    ended = said("int8-dynamic", ModelClass.MLP, HardwareClass.EDGE_ARM)
    assert (ended.verdict, "ended on 2026-11-30" in ended.why) == (REVIEW, True)
    assert said("fp16", None, None).verdict == REVIEW


def test_a_deviation_passes_and_its_reason_stays() -> None:
    found = said("int8-dynamic", deviation="a trial for ann")
    assert found.verdict == PASSED
    assert found.why.endswith("; deviates: a trial for ann")
    assert "deviates" not in said("fp16", deviation="needless").why


def test_the_shipped_example_is_one() -> None:
    policy = parse_policy(shipped_policy(), "policy.toml")
    for model in ModelClass:
        for hardware in HardwareClass:
            fitting = next(one for one in policy if one.fits(model, hardware))
            assert fitting.allows(fitting.default)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "there is no [[sanction]]"),
        (HEAD.replace("int8-dynamic", "int8-dynamc"), "default: There is no recipe 'int8-dynamc'"),
        (HEAD.replace("int8-*", "int9"), "formats: There is no recipe 'int9'"),
        (HEAD + "untill = 2027-01-01\n", "did you mean until?"),
        (HEAD + 'until = "soon"\n', "'soon' is not a date"),
        (HEAD + HEAD, "says nothing: a sanction before it"),
        (HEAD + 'model_class = "cn"\n', "did you mean cnn?"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(text: str, wrong: str) -> None:
    with pytest.raises(BadInput) as found:
        parse_policy(text, "p.toml")
    assert wrong in found.value.sentence
    assert found.value.sentence.startswith("Policy p.toml, line ")
