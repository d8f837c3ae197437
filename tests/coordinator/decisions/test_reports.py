"""What a report of a run must bring: its own evidence, once, and no more than can be borne."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, PassName, RawRole, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import (
    MAX_RAW_FILE_BYTES,
    MAX_RAW_FILES,
    Failure,
    RawRef,
)
from bitgauge.coordinator.decisions.reports import (
    MAX_CLOCK_SKEW_NS,
    require_evidence,
    require_own,
    require_times,
)

from tests.labs import values

JOB = "7f0b5f5e-6c0f-4c6e-9f63-0c8f6e5d4c3b"


def ref(number: int = 0, size_bytes: int = 10, launch: int | None = None) -> RawRef:
    digest = Digest(f"{number:04x}".ljust(64, "0"), size_bytes)
    return RawRef(PassName.PAIR, number if launch is None else launch, RawRole.BOTH, digest)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ((), "is measured and names no raw file"),
        ((ref(1), ref(1, launch=2)), "names raw file 000100000000 (10 bytes) twice"),
        ((ref(1), ref(2, launch=1)), "names launch 1 of pass pair (both) twice"),
        (tuple(map(ref, range(MAX_RAW_FILES + 1))), "names 513 raw files; 512 are taken"),
        ((ref(1, MAX_RAW_FILE_BYTES + 1),), "67108864 bytes are taken at most of each"),
        (
            tuple(ref(one, MAX_RAW_FILE_BYTES) for one in range(9)),
            "names 603979776 bytes of raw files; 536870912 are taken",
        ),
    ],
)
def test_evidence_that_is_none(raw: tuple[RawRef, ...], words: str) -> None:
    with pytest.raises(BadInput, match=words.replace("(", r"\(").replace(")", r"\)")) as error:
        require_evidence(values.told(JOB, raw=raw))
    assert error.value.code is Code.BAD_EVIDENCE


def test_a_run_with_evidence_and_one_that_failed_without_are_taken() -> None:
    require_evidence(values.told(JOB, raw=(ref(1), ref(2))))
    why = Failure(FailureGroup.ARTIFACT, "run_failed", "It broke.", "")
    require_evidence(values.told(JOB, status=RunStatus.FAILED, failure=why))


A, B, BOTH = RawRole.BASELINE, RawRole.CANDIDATE, RawRole.BOTH


def turns(*roles: RawRole) -> tuple[RawRef, ...]:
    return tuple(replace(ref(at), role=role) for at, role in enumerate(roles))


def test_launches_that_take_turns_are_whole_quads() -> None:
    require_evidence(values.told(JOB, raw=turns(A, B, B, A, B, A, A, B)))
    for roles in (
        (A, B, A, B),
        (A, A, A, A),
        (A, B, B),
        (A, B, B, A, A),
        (A, B, B, A, BOTH),
        (A, B, B, RawRole.FLOOR),
    ):
        with pytest.raises(BadInput, match="of pass pair") as error:
            require_evidence(values.told(JOB, raw=turns(*roles)))
        assert error.value.code is Code.BAD_EVIDENCE


def test_evidence_of_another_lease_is_not_its_own() -> None:
    told = values.told(JOB, raw=(ref(1), ref(2)))
    require_own(told, {})
    with pytest.raises(BadInput, match=r"names raw file .*, which is of run r9\.") as error:
        require_own(told, {ref(2).digest.sha256: "r9"})
    assert error.value.code is Code.BAD_EVIDENCE


LEASED_NS, NOW_NS = 10 * MAX_CLOCK_SKEW_NS, 11 * MAX_CLOCK_SKEW_NS


@pytest.mark.parametrize(
    ("started_ns", "ended_ns", "words"),
    [
        (NOW_NS, NOW_NS - 1, "ended before it started"),
        (LEASED_NS - 2 * MAX_CLOCK_SKEW_NS, NOW_NS, "started before its lease was given, by 48 h"),
        (NOW_NS, NOW_NS + 2 * MAX_CLOCK_SKEW_NS, "ended in the future, by 48 h"),
    ],
)
def test_times_that_cannot_be(started_ns: int, ended_ns: int, words: str) -> None:
    told = values.told(JOB, started_unix_ns=started_ns, ended_unix_ns=ended_ns)
    with pytest.raises(BadInput, match=words) as error:
        require_times(told, LEASED_NS, NOW_NS)
    assert error.value.code is Code.BAD_EVIDENCE


def test_a_clock_may_be_off_by_a_day() -> None:
    early, late = LEASED_NS - MAX_CLOCK_SKEW_NS, NOW_NS + MAX_CLOCK_SKEW_NS
    require_times(values.told(JOB, started_unix_ns=early, ended_unix_ns=late), LEASED_NS, NOW_NS)
