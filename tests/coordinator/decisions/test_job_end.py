"""What follows from a job that has ended, as lists of instructions."""

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.analysis.certificate import COMPARISONS, LIFE_NS
from bitgauge.benchmarks.stats.sentinel import MIN_HISTORY, FixedPoint, Outcome
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState, ModelClass
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, Selector
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions import again
from bitgauge.coordinator.decisions.again import QueueJob
from bitgauge.coordinator.decisions.instructions import CordonDevice
from bitgauge.coordinator.decisions.job_end import (
    Compared,
    EndCertification,
    Ended,
    IssueCertificate,
    NoteDrift,
    on_end,
)
from bitgauge.coordinator.decisions.job_now import EntryNow, JobNow

from tests.labs import values

BASELINE, BUILT = Digest("a" * 64, 10), Digest("b" * 64, 5)
SPEC = values.job(
    baseline=BASELINE,
    entries=(Entry("fp32", BASELINE), Entry("int8-static-u8s8-pc")),
    idempotency_key="mine",
)
ENTRIES = (
    EntryNow(0, "fp32", EntryState.ACCEPTED, artifact=BASELINE),
    EntryNow(1, "int8-static-u8s8-pc", EntryState.ACCEPTED, artifact=BUILT),
)
JOB = JobNow("job", SPEC, ModelClass.CNN, JobState.FINISHED, 1, ENTRIES)
USUAL = (100_000.0,) * MIN_HISTORY
SOUND = NoteDrift(Outcome.SOUND, None, "rpi5")
EXACT = (StackItem("session.x64quantprecision", "1"),)


def point(value_ns: float, device: str = "rpi5") -> tuple[str, FixedPoint]:
    return device, FixedPoint("the sentinel after the job", value_ns, USUAL)


def end(job: JobNow = JOB, **changes: Any) -> tuple[object, ...]:
    return on_end(replace(Ended(job, points=(point(100_000.0),)), **changes), 5)


def drift(device: str = "rpi5") -> NoteDrift:
    words = "the sentinel after the job took 150.0 us where 98.0 to 102.0 us are usual (+50.0 %)"
    return NoteDrift(Outcome.SUSPECT, words, device)


def test_a_sound_job_is_noted_and_nothing_follows() -> None:
    assert end() == (SOUND,)


def test_a_job_without_fixed_points_is_of_no_device() -> None:
    (noted,) = end(points=())
    assert isinstance(noted, NoteDrift)
    assert (noted.outcome, noted.suspect, noted.device_id) == (Outcome.UNMEASURED, None, None)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_measured_nothing_is_not_judged(state: JobState) -> None:
    job = replace(JOB, state=state)
    assert end(job, points=(point(150_000.0),)) == ()
    assert end(job, certifies=Compared()) == (EndCertification(),)


def test_a_suspect_job_is_measured_again_and_nothing_of_it_in_exact_mode() -> None:
    acts = end(
        points=(point(100_000.0), point(150_000.0)),
        saturating=((1, "rpi5"),),
        exact_options={"rpi5": EXACT},
    )
    repeated = again.repeat("job", SPEC, "rpi5")
    assert acts == (drift(), repeated)
    assert repeated.repeats == "job"
    assert repeated.spec == replace(
        SPEC, idempotency_key="", selector=Selector(device="rpi5"), wait_for_device=True
    )


def test_the_device_that_drifted_is_named_when_a_job_was_measured_on_two() -> None:
    points = (point(150_000.0, "nano"), point(100_000.0, "rpi5"))
    assert end(points=points)[0] == drift("nano")
    assert end(points=(point(100_000.0, "nano"), point(100_000.0, "rpi5"))) == (SOUND,)


def test_a_repetition_is_not_repeated() -> None:
    assert end(replace(JOB, repeats="first"), points=(point(150_000.0),)) == (drift(),)


def test_a_device_with_three_suspect_jobs_in_a_row_is_cordoned() -> None:
    twice = {"rpi5": (Outcome.SUSPECT, Outcome.SUSPECT)}
    acts = end(points=(point(150_000.0),), earlier=twice)
    assert acts[:2] == (drift(), again.repeat("job", SPEC, "rpi5"))
    cordon = acts[2]
    assert isinstance(cordon, CordonDevice)
    assert cordon.device_id == "rpi5"
    assert cordon.reason.startswith("3 suspect jobs in a row")
    others: tuple[dict[str, tuple[Outcome, ...]], ...] = (
        {"nano": twice["rpi5"]},
        {"rpi5": (Outcome.SUSPECT, Outcome.SOUND)},
        {"rpi5": (Outcome.SUSPECT,)},
    )
    for earlier in others:
        assert len(end(points=(point(150_000.0),), earlier=earlier)) == 2


# -- exact mode ---------------------------------------------------------------------------
def test_what_saturates_is_queued_in_exact_mode_with_the_very_artifact() -> None:
    acts = end(saturating=((1, "rpi5"),), exact_options={"rpi5": EXACT})
    queued = acts[1]
    assert isinstance(queued, QueueJob)
    assert (acts[0], queued.exact_of, queued.repeats) == (SOUND, "job", None)
    assert queued.spec.entries[1] == Entry("int8-static-u8s8-pc", BUILT)
    assert queued.spec.overrides.session_options == EXACT
    assert (queued.spec.selector, queued.spec.idempotency_key) == (Selector(device="rpi5"), "")


def test_it_runs_where_the_last_of_it_was_measured() -> None:
    options = {"rpi5": EXACT, "nano": EXACT}
    assert end(saturating=((1, "rpi5"), (0, "nano")), exact_options=options) == (SOUND,)
    queued = end(saturating=((0, "nano"), (1, "rpi5")), exact_options=options)[1]
    assert isinstance(queued, QueueJob)
    assert queued.spec.selector == Selector(device="rpi5")


def test_where_there_is_no_exact_mode_nothing_follows() -> None:
    assert end(saturating=((1, "rpi5"),)) == (SOUND,)
    spec = replace(SPEC, overrides=replace(SPEC.overrides, session_options=EXACT))
    exact = replace(JOB, spec=spec)
    assert end(exact, saturating=((1, "rpi5"),), exact_options={"rpi5": EXACT}) == (SOUND,)


# -- certificates -------------------------------------------------------------------------
ITSELF = replace(SPEC, entries=(Entry("fp32", BASELINE),) * (COMPARISONS + 1))
CERTIFIES = replace(JOB, spec=ITSELF, entries=())


def compared(*stacks: tuple[str, str]) -> Compared:
    ratios = tuple(
        MetricValue("latency_ratio", 1 + 0.001 * (-1) ** n, difference="none")
        for n in range(COMPARISONS)
    )
    return Compared(stacks or (("rpi5", "stack-1"),) * COMPARISONS, ratios)


def test_a_certification_ends_with_a_certificate_and_nothing_is_repeated() -> None:
    first, noted, issued = end(CERTIFIES, certifies=compared())
    assert (first, noted) == (EndCertification(), SOUND)
    assert isinstance(issued, IssueCertificate)
    certificate = issued.certificate
    assert (certificate.device_id, certificate.fingerprint) == ("rpi5", "stack-1")
    assert (certificate.issued_unix_ns, certificate.expires_unix_ns) == (5, 5 + LIFE_NS)
    assert (certificate.asked, certificate.comparisons) == (COMPARISONS, COMPARISONS)
    assert certificate.passed


@pytest.mark.parametrize(
    ("certifies", "points", "why"),
    [
        (
            compared(("rpi5", "stack-1"), ("rpi5", "stack-2")),
            (point(100_000.0),),
            "the stack changed between comparisons",
        ),
        (compared(), (point(150_000.0),), "the device drifted: the sentinel after the job took"),
    ],
)
def test_it_does_not_pass_when_something_else_changed(
    certifies: Compared, points: tuple[tuple[str, FixedPoint], ...], why: str
) -> None:
    acts = end(CERTIFIES, certifies=certifies, points=points)
    assert not [act for act in acts if isinstance(act, QueueJob)]
    issued = acts[-1]
    assert isinstance(issued, IssueCertificate)
    assert not issued.certificate.passed
    assert issued.certificate.reason.startswith(why)


def test_without_a_comparison_there_is_no_certificate() -> None:
    assert end(CERTIFIES, certifies=Compared()) == (EndCertification(), SOUND)


# -- measured again -----------------------------------------------------------------------
def test_what_a_run_showed_is_measured_once_more_beside_its_baseline() -> None:
    asked = again.confirm("run", SPEC, 1, BUILT, "rpi5")
    assert asked.job_id == again.confirming_job("run")
    assert asked.spec.entries == (SPEC.entries[0], Entry("int8-static-u8s8-pc", BUILT))
    assert (asked.repeats, asked.exact_of, asked.spec.idempotency_key) == (None, None, "")
    assert again.confirm("run", SPEC, 0, BASELINE, "rpi5").spec.entries == SPEC.entries[:1]


def test_each_reason_to_measure_again_is_a_job_of_its_own_and_always_the_same() -> None:
    ids = {
        again.repeat("x", SPEC, "rpi5").job_id,
        again.confirm("x", SPEC, 1, BUILT, "rpi5").job_id,
        again.repeat("y", SPEC, "rpi5").job_id,
    }
    assert len(ids) == 3
    assert again.repeat("x", SPEC, "nano").job_id in ids
