"""What people read of certificates and suspicion."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from bitgauge.benchmarks.analysis.certificate import LIFE_NS
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState, ModelClass, Profile, Realness
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.jobs import EntryView, JobView
from bitgauge.coordinator.cli import common
from bitgauge.coordinator.cli.text.devices import devices_text
from bitgauge.coordinator.cli.text.jobs import job_text
from bitgauge.coordinator.cli.text.trust import certificate_lines, certificate_text, suspect_words
from bitgauge.coordinator.client.jobs import Submitted

from tests.labs import values
from tests.labs.coordinator import DEVICE, SECOND_NS
from tests.labs.rooms.typed import Bitgauge

ISSUED_NS = 1_795_000_000 * SECOND_NS
GOOD = AaCertificate(
    job_id="job-1",
    device_id=DEVICE.device_id,
    runtime="onnxruntime",
    fingerprint="stack",
    profile=Profile.QUICK,
    issued_unix_ns=ISSUED_NS,
    expires_unix_ns=ISSUED_NS + LIFE_NS,
    asked=40,
    comparisons=40,
    false_positives=2,
    worst_effect=0.0069,
    mde=0.0063,
    passed=True,
    reason="2 of 40 comparisons detected a difference where there is none",
)
REFUSED = replace(GOOD, passed=False, false_positives=9, reason="9 of 40 comparisons lied")
RUNTIMES = (
    RuntimeDescription("onnxruntime", "1.31", fingerprint="stack"),
    RuntimeDescription("fake", "1", simulated=True),
)
VIEW = values.view(replace(DEVICE, runtimes=RUNTIMES), last_seen_unix_ns=ISSUED_NS)
JOB = values.seen(
    "job-1",
    EntryView(0, "", "fp32", EntryState.ACCEPTED),
    model_name="aa-certificate",
    submitted_unix_ns=ISSUED_NS,
    model_class=ModelClass.MLP,
    device_name="bench",
)


@dataclass
class FakeClient:
    """A coordinator whose certifications end at once."""

    found: tuple[AaCertificate, ...] = (GOOD,)
    end: JobState = JobState.FINISHED
    interrupt: bool = False
    asked: list[tuple[str, str, Profile, int]] = field(default_factory=list)

    def certify(self, device: str, runtime: str, profile: Profile, comparisons: int) -> Submitted:
        self.asked.append((device, runtime, profile, comparisons))
        return Submitted("job-1", created=len(self.asked) == 1)

    def watch(self, job_id: str) -> Iterator[JobView]:
        yield replace(JOB, state=JobState.QUEUED)
        if self.interrupt:
            raise KeyboardInterrupt
        yield replace(JOB, state=self.end)

    def job(self, job_id: str) -> JobView:
        return replace(JOB, state=self.end)

    def rename(self, device: str, name: str) -> DeviceView:
        return replace(VIEW, description=replace(DEVICE, name=name, aliases=(device,)))

    def alias(self, device: str, name: str) -> DeviceView:
        return replace(VIEW, description=replace(DEVICE, aliases=(name,)))

    def unalias(self, device: str, name: str) -> DeviceView:
        raise NotFound(Code.UNKNOWN_DEVICE, f"{name!r} is no alias of the device {device}.")

    def devices(self) -> tuple[DeviceView, ...]:
        return (replace(VIEW, aa_certificates=self.found),)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    client = FakeClient()
    monkeypatch.setattr(common, "_connected", lambda _: contextlib.nullcontext(client))
    return client


# -- certify ------------------------------------------------------------------------------
def test_certify_waits_and_prints_the_certificate(fake: FakeClient, bitgauge: Bitgauge) -> None:
    printed = bitgauge("certify", "bench")
    assert fake.asked == [("bench", "onnxruntime", Profile.QUICK, 0)]
    assert printed.out.splitlines() == [
        "bench with onnxruntime has an A/A certificate until 2026-11-25 11:06 UTC.",
        "  2 of 40 comparisons with itself detected a difference (chance explains 5)",
        "  the worst was off by 0.69 %",
        "  finds differences of 0.63 % in 4 of 5 comparisons",
    ]
    assert "job job-1: certification of bench\n" in printed.err
    said = bitgauge("certify", "bench", "--profile", "standard", "--comparisons", "7")
    assert fake.asked[-1] == ("bench", "onnxruntime", Profile.STANDARD, 7)
    assert "(it was under way)" in said.err


def test_a_refused_certificate_is_exit_code_1(fake: FakeClient, bitgauge: Bitgauge) -> None:
    fake.found = (REFUSED,)
    printed = bitgauge("certify", "bench", code=1).out
    assert "bench with onnxruntime gets no A/A certificate: 9 of 40 comparisons lied." in printed


@pytest.mark.parametrize("end", [JobState.CANCELLED, JobState.FAILED])
def test_a_certification_that_ended_otherwise_says_so(
    fake: FakeClient, end: JobState, bitgauge: Bitgauge
) -> None:
    fake.found, fake.end = (replace(GOOD, job_id="another"),), end
    printed = bitgauge("certify", "bench", code=1).out
    assert "There is no certificate." in printed
    assert end.value in printed


def test_certify_as_json(fake: FakeClient, bitgauge: Bitgauge) -> None:
    printed = bitgauge("certify", "bench", "--json")
    assert json.loads(printed.out)["false_positives"] == 2
    assert printed.err == ""


def test_ctrl_c_leaves_the_certification(fake: FakeClient, bitgauge: Bitgauge) -> None:
    fake.interrupt = True
    assert "Job job-1 goes on" in bitgauge("certify", "bench", code=130).err


def test_an_unknown_profile_is_one_sentence(fake: FakeClient, bitgauge: Bitgauge) -> None:
    assert "quik" in bitgauge("certify", "bench", "--profile", "quik", code=2).err
    assert fake.asked == []


# -- devices ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("certificates", "after_ns", "words"),
    [
        ((), 0, "none, so its verdicts are untrusted"),
        (
            (GOOD,),
            LIFE_NS - 1,
            "valid until 2026-11-25 11:06 UTC, finds differences of 0.63 % in 4 of 5 comparisons",
        ),
        ((GOOD,), LIFE_NS, "expired 2026-11-25 11:06 UTC"),
        ((REFUSED,), 0, "refused 2026-11-18 11:06 UTC: 9 of 40 comparisons lied"),
        (
            (replace(GOOD, fingerprint="old"),),
            0,
            "none for the present stack (the last was of 2026-11-18 11:06 UTC)",
        ),
        ((replace(REFUSED, asked=5),), 0, "none, so its verdicts are untrusted"),
    ],
)
def test_what_devices_say_of_their_certificates(
    certificates: tuple[AaCertificate, ...], after_ns: int, words: str
) -> None:
    view = replace(VIEW, aa_certificates=certificates)
    lines = certificate_lines(view, ISSUED_NS + after_ns)
    assert lines == [f"A/A certificate for onnxruntime: {words}"]


def test_what_a_device_is_called_is_shown(fake: FakeClient, bitgauge: Bitgauge) -> None:
    printed = bitgauge("device", "rename", "bench", "kitchen").out
    assert printed.startswith("kitchen  idle")
    assert "also called bench" in printed
    told = json.loads(bitgauge("device", "alias", "bench", "shelf", "--json").out)
    assert told["description"]["aliases"] == ["shelf"]
    assert "'sofa' is no alias" in bitgauge("device", "unalias", "bench", "sofa", code=2).err


def test_what_keeps_no_time_has_no_certificate() -> None:
    assert certificate_lines(replace(VIEW, retired=True), ISSUED_NS) == []
    simulated = replace(VIEW.description, realness=Realness.SIMULATED)
    assert certificate_lines(replace(VIEW, description=simulated), ISSUED_NS) == []
    assert "A/A certificate for onnxruntime: none" in devices_text([VIEW])
    assert "certificate for fake" not in devices_text([VIEW])


def test_a_certificate_without_numbers_says_what_it_knows() -> None:
    bare = replace(
        REFUSED,
        worst_effect=None,
        mde=None,
        comparisons=0,
        false_positives=0,
        reason="nothing came",
    )
    assert certificate_text(bare, "bench").splitlines() == [
        "bench with onnxruntime gets no A/A certificate: nothing came.",
        "  0 of 0 comparisons with itself detected a difference (chance explains 0)",
    ]


# -- suspicion ----------------------------------------------------------------------------
def test_a_suspect_job_says_why_and_where_it_is_measured_again() -> None:
    assert suspect_words(JOB) is None
    suspect = replace(JOB, suspect="it drifted", repeated_by="job-2")
    assert suspect_words(suspect) == "suspect, it drifted; it is measured again as job job-2"
    assert "suspect, it drifted" in job_text(suspect)
    again = replace(JOB, repeats="job-1")
    assert suspect_words(again) == "it measures the suspect job job-1 again"
    assert suspect_words(replace(again, suspect="it drifted")) == (
        "suspect, it drifted; it measures the suspect job job-1 again"
    )
