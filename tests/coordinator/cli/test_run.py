from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from bitgauge.agents.runtimes.ort import EXACT_MODE
from bitgauge.benchmarks.vocabulary.enums import (
    EntryState,
    HardwareClass,
    JobState,
    ModelClass,
    Profile,
    Scenario,
)
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Selector
from bitgauge.coordinator.cli.app import run_command_line

from tests.labs.rooms.orders import FakeClient
from tests.labs.rooms.typed import Bitgauge


@pytest.fixture
def typed(tmp_path: Path) -> list[str]:
    for name in ("model.onnx", "int8.onnx", "digits.npz", "calibration.npz"):
        (tmp_path / name).write_text(name)
    return [
        "run",
        str(tmp_path / "int8.onnx"),
        "--baseline",
        str(tmp_path / "model.onnx"),
        "--eval",
        str(tmp_path / "digits.npz"),
    ]


def test_uploads_submits_follows_and_prints_the_table(
    fake: FakeClient, typed: list[str], bitgauge: Bitgauge
) -> None:
    printed = bitgauge(*typed, "--batch", "1", "--batch", "64,8")
    assert "sent 29 bytes in 3 of 3 files" in printed.err
    assert "\nlooking into the model\n" in printed.err
    assert "job job-1: batch 1, 2 entries, 10 s or more" in printed.err
    assert "warning" not in printed.err
    assert "model batch 64: finished" in printed.err
    assert [spec.workload.batch for spec in fake.specs] == [1, 64, 8]
    assert [entry.name for entry in fake.specs[0].entries] == ["model.onnx", "int8.onnx"]
    assert fake.specs[0].entries[0].artifact == fake.specs[0].baseline
    assert "model (cnn) on here" in printed.out
    assert "sent 0 bytes in 0 of 3 files" in bitgauge(*typed).err


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_deadline_that_cannot_be_met_is_warned_of(
    fake: FakeClient, typed: list[str], json: list[str], bitgauge: Bitgauge
) -> None:
    long = [*typed, "--profile", "sustained", "--batch", "1,8", "--detach", *json]
    printed = bitgauge(*long, "--deadline", "900")
    assert printed.err.count("warning:") == 1, "once for all batches"
    assert "2 entries under profile sustained are timed for at least 21 min" in printed.err
    assert "the deadline of 15 min" in printed.err
    assert "Give --deadline 1620, or fewer" in printed.err
    assert "warning" not in printed.out
    assert [spec.deadline_s for spec in fake.specs] == [900, 900], "it is submitted all the same"
    assert "warning" not in bitgauge(*long, "--deadline", "1620").err


def test_overrides_and_scenario_reach_the_job(
    fake: FakeClient, typed: list[str], bitgauge: Bitgauge
) -> None:
    given = ["--warm-up", "2s", "--launches", "2", "--budget", "500ms", "--scenario", "offline"]
    bitgauge(*typed, "--detach", *given)
    (spec,) = fake.specs
    assert spec.overrides == Overrides(2000, 2, 500)
    assert spec.workload.scenario is Scenario.OFFLINE
    short = ["--profile", "sustained", "--budget", "60s"]
    assert "profile sustained, which compares" in bitgauge(*typed, *short, code=2).err
    assert len(fake.specs) == 1


def test_a_suspect_job_is_said_beside_its_table(
    fake: FakeClient, typed: list[str], bitgauge: Bitgauge
) -> None:
    fake.suspect = "the sentinel took longer"
    assert (
        "job job-1: suspect, the sentinel took longer; it is measured again as job job-9.\n"
        in bitgauge(*typed).err
    )


def test_what_saturates_is_followed_in_exact_mode_too(
    fake: FakeClient, typed: list[str], bitgauge: Bitgauge
) -> None:
    fake.saturates = True
    printed = bitgauge(*typed)
    assert (
        "job job-1: what saturates in it is measured with session.x64quantprecision=1 too,"
        " as job job-2.\n"
    ) in printed.err
    assert printed.out.count("overridden: session.x64quantprecision=1") == 1
    shown = " ".join(bitgauge("watch", "job-2").out.split())
    assert "it measures what saturates in job job-1 with session.x64quantprecision=1" in shown


def test_a_session_option_reaches_the_job_or_is_refused(
    fake: FakeClient, typed: list[str], bitgauge: Bitgauge
) -> None:
    given = ["--session-option", "session.x64quantprecision=1", "--launches", "2"]
    bitgauge(*typed, "--detach", *given)
    (spec,) = fake.specs
    assert spec.overrides == Overrides(launches=2, session_options=(EXACT_MODE,))
    fake.known.clear()
    assert (
        "session option session.dynamic_block_base is none of onnxruntime's:"
        " session.x64quantprecision"
        in bitgauge(*typed, "--session-option", "session.dynamic_block_base=4", code=2).err
    )
    assert len(fake.specs) == 1
    assert not fake.known, "refused before anything was sent"


def test_json_is_the_only_output(fake: FakeClient, typed: list[str], bitgauge: Bitgauge) -> None:
    printed = bitgauge(*typed, "--json")
    assert printed.err == ""
    result = json.loads(printed.out)
    assert result["jobs"][0]["state"] == "finished"
    assert result["rows"][0]["recipe"] == "fp32"
    assert result["uploaded"]["sent_bytes"] == 29


def test_detached_prints_the_ids(fake: FakeClient, typed: list[str], bitgauge: Bitgauge) -> None:
    assert bitgauge(*typed, "--detach", "--batch", "1,2").out == "job-1\njob-2\n"
    assert json.loads(bitgauge(*typed, "--detach", "--json").out)["jobs"][0]["job_id"] == "job-3"


@pytest.mark.parametrize(
    ("end", "entry_end", "code"),
    [
        (JobState.FINISHED, EntryState.UNSUPPORTED, 0),
        (JobState.FINISHED, EntryState.FAILED, 1),
        (JobState.FAILED, EntryState.ACCEPTED, 1),
        (JobState.CANCELLED, EntryState.CANCELLED, 1),
    ],
)
def test_exit_code_says_whether_something_failed(
    fake: FakeClient, typed: list[str], end: JobState, entry_end: EntryState, code: int
) -> None:
    fake.end, fake.entry_end = end, entry_end
    assert run_command_line(typed) == code
    assert run_command_line(["watch", "job-1"]) == code


def test_ctrl_c_leaves_the_job_and_says_so(
    fake: FakeClient, typed: list[str], bitgauge: Bitgauge
) -> None:
    fake.interrupt = True
    last = bitgauge(*typed, code=130).err.splitlines()[-1]
    assert last == (
        "Job job-1 goes on; `bitgauge watch job-1` follows it, `bitgauge cancel job-1` ends it."
    )
    assert "Jobs job-2, job-3 go on" in bitgauge(*typed, "--batch", "1,2", code=130).err
    bitgauge("watch", "job-1", code=130)
    assert fake.cancelled == []


def test_ctrl_c_while_uploading_submits_nothing(
    fake: FakeClient, typed: list[str], monkeypatch: pytest.MonkeyPatch, bitgauge: Bitgauge
) -> None:
    def interrupted(_: Sequence[Digest]) -> tuple[Digest, ...]:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "find_missing", interrupted)
    assert bitgauge(*typed, code=130).err == "Stopped before anything was submitted.\n"


def test_cancel_and_reanalyse(fake: FakeClient, bitgauge: Bitgauge) -> None:
    assert "cancelled" in bitgauge("cancel", "job-1").out
    assert json.loads(bitgauge("cancel", "job-1", "--json").out)["state"] == "cancelled"
    bitgauge("reanalyse", "same")
    bitgauge("reanalyse", "other", code=1)
    assert json.loads(bitgauge("reanalyse", "same", "--json").out)["identical"] is True
    bitgauge("watch", "job-1", "--json")


def test_every_option_reaches_the_job(fake: FakeClient, typed: list[str], tmp_path: Path) -> None:
    options = {
        "--recipes": "all",
        "--calibration": str(tmp_path / "calibration.npz"),
        "--threads": "2",
        "--profile": "standard",
        "--name": "digits",
        "--model-class": "mlp",
        "--margin": "0.5",
        "--priority": "7",
        "--deadline": "60",
        "--idempotency-key": "nightly",
        "--on": "class:cpu_only",
        "--output": "logits",
    }
    more = [word for pair in options.items() for word in pair]
    assert run_command_line([*typed, *more, "--wait", "--batch", "1,2"]) == 0
    first, second = fake.specs
    assert (first.idempotency_key, second.idempotency_key) == ("nightly/batch=1", "nightly/batch=2")
    assert first.profile is Profile.STANDARD
    assert first.model_class is ModelClass.MLP
    assert (first.accuracy_margin_pp, first.priority, first.deadline_s) == (0.5, 7, 60)
    assert first.wait_for_device
    assert first.output == "logits"
    assert first.workload.threads == 2
    assert first.calibration in fake.known
    assert first.selector == Selector(hardware_class=HardwareClass.CPU_ONLY)
    assert len(first.entries) == 2 + len(DEFAULT_RECIPES) - 1


def test_a_limit_that_no_run_could_answer_is_said_before_anything_is_sent(
    fake: FakeClient, typed: list[str], bitgauge: Bitgauge, tmp_path: Path
) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text('[[use_case]]\nname = "a"\nmax_latency_p99 = "1 s"\n')
    told = bitgauge.refuses(*typed, "--gates", gates)
    assert "limits latency_p99_ns (max_latency_p99), which this job cannot answer" in told
    assert fake.specs == []
    assert fake.known == set()
    bitgauge(*typed, "--gates", gates, "--profile", "standard")
    assert len(fake.specs) == 1
