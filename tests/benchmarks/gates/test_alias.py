"""Who moves an alias, and what leaves the lab."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.gates.alias import required_alias, required_export, required_mover
from bitgauge.benchmarks.vocabulary.errors import BadInput, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.gates import (
    FAILED,
    PASSED,
    REVIEW,
    GateVerdict,
    UseCase,
)
from bitgauge.benchmarks.vocabulary.values.registry import Lineage, Registered

from tests.labs.values import digest

VERDICT = GateVerdict("r", "m", "int8", "d", "rpi5", UseCase("triage"), PASSED)
OWN = Registered(
    "m", "int8", "int8", "onnx", "onnxruntime", digest("a"), digest("b"), "r", "rpi5", 1
)


def moved(outcome: str | None, by: str = "", partial: bool = False, real: bool = True) -> str:
    verdicts = () if outcome is None else (replace(VERDICT, outcome=outcome, partial=partial),)
    return required_mover("r", verdicts, keeps_time=real, by=by, reason=by and "because")


def test_a_pass_moves_it_or_a_person_and_nothing_else() -> None:
    assert moved(PASSED) == "triage"
    assert moved(REVIEW, by="ann") == moved(None, by="ann") == ""
    with pytest.raises(Refused, match="no gate passed it, and nobody gave"):
        moved(None)
    with pytest.raises(Refused, match="needs a person"):
        moved(REVIEW)
    with pytest.raises(Refused, match="it failed for triage"):
        moved(FAILED, by="ann")
    with pytest.raises(Refused, match="emulated"):
        moved(PASSED, by="ann", real=False)
    with pytest.raises(Refused, match="nobody gave"):
        moved(PASSED, partial=True)


@pytest.mark.parametrize("name", ["", "Champion", "a b", "1st", "a@b", "a" * 65])
def test_what_is_no_alias_is_refused(name: str) -> None:
    assert required_alias("champion") == "champion"
    with pytest.raises(BadInput, match="is no alias"):
        required_alias(name)


def test_what_has_not_passed_is_withheld() -> None:
    passed = Lineage(OWN, verdicts=(VERDICT,))
    assert required_export(passed, ungated=False, audited=False) == (digest("a"), "triage")
    for verdicts in ((), (replace(VERDICT, outcome=REVIEW),), (replace(VERDICT, partial=True),)):
        found = Lineage(OWN, verdicts=verdicts)
        with pytest.raises(Refused, match="is withheld"):
            required_export(found, ungated=False, audited=True)
        with pytest.raises(Refused, match="remembers no export"):
            required_export(found, ungated=True, audited=False)
        assert required_export(found, ungated=True, audited=True) == (digest("a"), "")
    with pytest.raises(NotFound, match="is not recorded"):
        required_export(
            replace(passed, registered=replace(OWN, artifact=None)), ungated=False, audited=True
        )


def test_the_newest_verdict_of_each_use_case_counts() -> None:
    """Another purpose that needs a person takes nothing from what passed for this one."""
    other = replace(VERDICT, outcome=REVIEW, use_case=UseCase("fast"))
    found = Lineage(OWN, verdicts=(other, VERDICT))
    assert required_export(found, ungated=False, audited=False)[1] == "triage"
    move = {"keeps_time": True, "by": "", "reason": ""}
    assert required_mover("r", found.verdicts, **move) == "triage"  # type: ignore[arg-type]
    rejected = replace(VERDICT, outcome=FAILED, kind="rejected")
    with pytest.raises(Refused, match="is withheld: its newest verdict is failed"):
        required_export(Lineage(OWN, verdicts=(rejected, VERDICT)), ungated=False, audited=True)
