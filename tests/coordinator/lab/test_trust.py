"""Certification and suspicion at the facade: a real store, a runner that is told what to answer."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest
from bitgauge.benchmarks.analysis.certificate import COMPARISONS, newest_before
from bitgauge.benchmarks.stats.sentinel import MIN_HISTORY
from bitgauge.benchmarks.vocabulary.enums import (
    JobState,
    ModelClass,
    PassName,
    Profile,
    Realness,
    Scenario,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.care import CareTerms
from bitgauge.coordinator.lab.certification import (
    MAX_COMPARISONS,
    CertifiedModel,
    certification,
    certified_model,
)
from bitgauge.coordinator.lab.health_check import HealthCheck

from tests.labs.coordinator import (
    BASELINE,
    BUILT,
    DEVICE,
    EVALUATION,
    SECOND_NS,
    SPEC,
    Lab,
    open_lab,
    report_of,
)

CHECK = HealthCheck(BASELINE, EVALUATION, ModelClass.MLP, known_accuracy_pct=99.0)
TERMS = CareTerms(check_every_ns=0, check_every_jobs=0, max_queued_per_user=3)
RATIO = (MetricValue("latency_ratio", 1.001, 0.99, 1.01, n=60, difference="none"),)
HOUR_NS = 3600 * SECOND_NS


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch, TERMS, CHECK) as opened:
        await opened.register()
        opened.runner.metrics = RATIO
        yield opened


async def ended(lab: Lab, assignment: Assignment) -> None:
    for entry in assignment.entries:
        await lab.leases.report(report_of(assignment, entry.index))
    await lab.until(assignment.job_id, lambda view: view.state is JobState.FINISHED)


async def certify(lab: Lab, comparisons: int = 0) -> str:
    job_id, created = await lab.care.certify(
        "bench", "onnxruntime", Profile.QUICK, comparisons, "ci"
    )
    assert created
    assignment = await lab.claimed()
    assert (assignment.job_id, assignment.passes) == (job_id, (PassName.PAIR, PassName.SENTINEL))
    await ended(lab, assignment)
    return job_id


async def measured(lab: Lab, key: str, profile: Profile = Profile.QUICK) -> str:
    """Id of the run of entry 1 of a job that went through."""
    spec = dataclasses.replace(SPEC, idempotency_key=key, profile=profile)
    job_id, _ = await lab.jobs.submit(spec)
    await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    await ended(lab, await lab.claimed())
    return (await lab.ask(lambda store: store.runs(job_id)))[1].run_id


def certificate_of_last_run(lab: Lab) -> AaCertificate | None:
    return lab.runner.analysed[-1].certificate


async def test_a_run_is_covered_from_its_lease_on_and_the_answer_stays(lab: Lab) -> None:
    await measured(lab, "before")
    assert certificate_of_last_run(lab) is None
    lab.clock.now_ns += HOUR_NS
    job_id = await certify(lab)
    run = await measured(lab, "covered")
    facts = lab.runner.analysed[-1]
    assert facts.certificate is not None
    assert facts.certificate.job_id == job_id
    assert facts.leased_unix_ns == lab.clock.now_ns
    # What is found out later changes nothing about what was measured before.
    lab.clock.now_ns += HOUR_NS
    lab.runner.metrics = (dataclasses.replace(RATIO[0], difference="detected"),)
    await certify(lab)
    await lab.parts.analyses.again(run, "ann")
    assert lab.runner.analysed[-1] == facts
    await measured(lab, "after")
    assert certificate_of_last_run(lab) is not None
    assert not certificate_of_last_run(lab).passed  # type: ignore[union-attr]


async def test_a_rehearsal_covers_nothing_and_takes_nothing_away(lab: Lab) -> None:
    await certify(lab, 5)
    await measured(lab, "a")
    assert certificate_of_last_run(lab) is None
    job_id = await certify(lab)
    lab.clock.now_ns += 1
    await certify(lab, 5)
    await measured(lab, "b")
    found = certificate_of_last_run(lab)
    assert found is not None
    assert found.job_id == job_id
    [device] = await lab.ask(lab.care.devices)
    assert sorted(one.asked for one in device.aa_certificates) == [5, COMPARISONS]
    assert newest_before(device.aa_certificates, lab.clock.now_ns) == found


async def test_certifications_count_against_the_quota(lab: Lab) -> None:
    for key in "abc":
        spec = dataclasses.replace(SPEC, idempotency_key=key)
        await lab.jobs.submit(spec, "ci")
    with pytest.raises(BitgaugeError) as caught:
        await lab.care.certify("bench", "onnxruntime", Profile.QUICK, 0, "ci")
    assert caught.value.code is Code.QUEUE_QUOTA


@pytest.mark.parametrize(
    ("device", "runtime", "words"),
    [
        (DEVICE, "litert", "it has no runtime litert"),
        (
            dataclasses.replace(
                DEVICE, runtimes=(RuntimeDescription("fake", "1", simulated=True),)
            ),
            "fake",
            "its fake is simulated, so it keeps no time",
        ),
        (
            dataclasses.replace(DEVICE, realness=Realness.EMULATED),
            "onnxruntime",
            "it is emulated, so it keeps no time",
        ),
    ],
)
def test_what_keeps_no_time_cannot_be_certified(
    device: DeviceDescription, runtime: str, words: str
) -> None:
    with pytest.raises(BitgaugeError) as caught:
        certification(CHECK.subjects[0], device, runtime, Profile.QUICK, 0)
    assert caught.value.code is Code.NOT_CERTIFIABLE
    assert caught.value.sentence.startswith("The device bench cannot be certified: ")
    assert words in caught.value.sentence


def test_a_runtime_of_language_models_is_certified_by_requests() -> None:
    request = Workload(Scenario.LLM, prompt_tokens=8, generated_tokens=4)
    decoder = CertifiedModel("gguf", BUILT, EVALUATION, ModelClass.TRANSFORMER, request)
    subjects = (*CHECK.subjects, decoder)
    runtimes = (
        RuntimeDescription("onnxruntime", "1", artifact_kinds=("onnx",)),
        RuntimeDescription("llamacpp", "1", artifact_kinds=("gguf",)),
        RuntimeDescription("genai", "1", artifact_kinds=("genai",)),
    )
    device = dataclasses.replace(DEVICE, runtimes=runtimes)
    assert certified_model(subjects, device, "onnxruntime") == CHECK.subjects[0]
    assert certified_model(subjects, device, "llamacpp") == decoder
    spec = certification(decoder, device, "llamacpp", Profile.QUICK, 0)
    assert spec.passes == (PassName.GENERATION, PassName.SENTINEL)
    assert (spec.workload, spec.baseline) == (request, BUILT)
    assert {one.artifact for one in spec.entries} == {BUILT}
    with pytest.raises(BitgaugeError, match="it takes no onnx with genai"):
        certification(certified_model(subjects, device, "genai"), device, "genai", Profile.QUICK, 0)


@pytest.mark.parametrize("comparisons", [-1, MAX_COMPARISONS + 1])
async def test_absurd_numbers_of_comparisons_are_refused(lab: Lab, comparisons: int) -> None:
    with pytest.raises(BitgaugeError, match="comparisons is not 1 to 200"):
        await lab.care.certify("bench", "onnxruntime", Profile.QUICK, comparisons)


async def test_without_a_model_nothing_can_be_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_lab(monkeypatch, TERMS) as lab:
        await lab.register()
        with pytest.raises(BitgaugeError, match="no model to certify"):
            await lab.care.certify("bench", "onnxruntime", Profile.QUICK, 0)


# -- suspicion ----------------------------------------------------------------------------
def sentinel(value_ns: float) -> tuple[MetricValue, ...]:
    return (MetricValue("sentinel_before_ns", value_ns, n=900),)


async def test_a_user_who_watches_hears_of_suspicion_when_the_job_ends(lab: Lab) -> None:
    for number in range(MIN_HISTORY):
        lab.runner.metrics = sentinel(150_000 + 10 * number)
        await measured(lab, f"calm {number}")
    lab.runner.metrics = sentinel(300_000)
    await measured(lab, "suspect")
    job_id = await lab.writer.call(lambda store: store.job_with_key("", "suspect"))
    assert job_id is not None
    *_, last = [view async for view in lab.jobs.watch(job_id)]
    assert last.suspect is not None
    assert last.repeated_by is not None
    # Its artifacts are built again, from the cache, and it is measured like any other job.
    again = await lab.until(last.repeated_by, lambda view: view.state is JobState.QUEUED)
    assert again.repeats == job_id
    lab.runner.metrics = sentinel(150_000)
    lab.clock.now_ns += 1
    assignment = await lab.claimed()
    assert assignment.job_id == last.repeated_by
    await ended(lab, assignment)
    assert {row.flags for row in await lab.table()} == {("preliminary",)}
