from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from bitgauge.agents.runtimes.ort import EXACT_MODE
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.made import made_inputs
from bitgauge.benchmarks.quality.sets import encoded_set
from bitgauge.benchmarks.vocabulary.enums import (
    EntryState,
    HardwareClass,
    JobState,
    ModelClass,
    Profile,
    Scenario,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import (
    EntryView,
    JobSpec,
    JobView,
    Overrides,
    Selector,
    Workload,
)
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, Reanalysis
from bitgauge.coordinator.cli import common
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.cli.orders import (
    entries_of,
    jobs_of,
    parse_batches,
    parse_dims,
    parse_recipes,
    parse_selector,
)
from bitgauge.coordinator.client.jobs import Submitted
from bitgauge.coordinator.client.upload import LocalFile
from bitgauge.coordinator.models.recognise import inspect_model

from tests.labs.values import device, row, seen, view


@dataclass
class FakeClient:
    """A coordinator in memory whose jobs end as told."""

    end: JobState = JobState.FINISHED
    entry_end: EntryState = EntryState.ACCEPTED
    known: set[Digest] = field(default_factory=set)
    specs: list[JobSpec] = field(default_factory=list)
    interrupt: bool = False
    suspect: str | None = None
    saturates: bool = False
    cancelled: list[str] = field(default_factory=list)

    def find_missing(self, digests: Sequence[Digest]) -> tuple[Digest, ...]:
        return tuple(digest for digest in digests if digest not in self.known)

    def committed(self, digest: Digest) -> int | None:
        return 0

    def write(self, digest: Digest, offset: int, chunks: Iterator[bytes]) -> int:
        self.known.add(digest)
        return offset + sum(map(len, chunks))

    def submit(self, spec: JobSpec, say: Callable[[str], None]) -> Submitted:
        say("looking into the model")
        self.specs.append(spec)
        return Submitted(f"job-{len(self.specs)}", True)

    def _spec(self, job_id: str) -> JobSpec:
        if self.saturates and job_id == "job-2":
            return replace(self.specs[0], overrides=Overrides(session_options=(EXACT_MODE,)))
        return self.specs[int(job_id.removeprefix("job-")) - 1]

    def job(self, job_id: str) -> JobView:
        spec = self._spec(job_id) if self.specs else None
        return seen(
            job_id,
            EntryView(0, "", "fp32", self.entry_end),
            state=self.end,
            model_name=spec.model_name if spec else "digits",
            workload=spec.workload if spec else Workload(),
            exact_options=(EXACT_MODE,) if self.saturates else (),
            suspect=self.suspect,
            repeated_by="job-9" if self.suspect else None,
            exact_by="job-2" if self.saturates and job_id == "job-1" else None,
            exact_of="job-1" if self.saturates and job_id == "job-2" else None,
        )

    def watch(self, job_id: str) -> Iterator[JobView]:
        yield replace(self.job(job_id), state=JobState.QUEUED)
        if self.interrupt:
            raise KeyboardInterrupt
        yield self.job(job_id)

    def cancel(self, job_id: str) -> JobView:
        self.cancelled.append(job_id)
        return replace(self.job(job_id), state=JobState.CANCELLED)

    def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        spec = self._spec(query.job_id or "")
        return (
            row(
                "fp32", model_name=spec.model_name, overrides=spec.overrides, workload=spec.workload
            ),
        )

    def devices(self) -> tuple[DeviceView, ...]:
        return (view(device()),)

    def reanalyse(self, run_id: str) -> Reanalysis:
        metric = MetricValue("latency_ratio", 0.5)
        return Reanalysis((metric,), (metric,), run_id == "same")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    client = FakeClient()
    monkeypatch.setattr(common, "_connected", lambda _: contextlib.nullcontext(client))
    return client


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
    fake: FakeClient, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line([*typed, "--batch", "1", "--batch", "64,8"]) == 0
    printed = capsys.readouterr()
    assert "sent 29 bytes in 3 of 3 files" in printed.err
    assert "\nlooking into the model\n" in printed.err
    assert "job job-1: batch 1, 2 entries, 10 s or more" in printed.err
    assert "warning" not in printed.err
    assert "model batch 64: finished" in printed.err
    assert [spec.workload.batch for spec in fake.specs] == [1, 64, 8]
    assert [entry.name for entry in fake.specs[0].entries] == ["model.onnx", "int8.onnx"]
    assert fake.specs[0].entries[0].artifact == fake.specs[0].baseline
    assert "model (cnn) on here" in printed.out
    assert run_command_line(typed) == 0
    assert "sent 0 bytes in 0 of 3 files" in capsys.readouterr().err


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_deadline_that_cannot_be_met_is_warned_of(
    fake: FakeClient, typed: list[str], json: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    long = [*typed, "--profile", "sustained", "--batch", "1,8", "--detach", *json]
    assert run_command_line([*long, "--deadline", "900"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("warning:") == 1, "once for all batches"
    assert "2 entries under profile sustained are timed for at least 21 min" in printed.err
    assert "the deadline of 15 min" in printed.err
    assert "Give --deadline 1620, or fewer" in printed.err
    assert "warning" not in printed.out
    assert [spec.deadline_s for spec in fake.specs] == [900, 900], "it is submitted all the same"
    assert run_command_line([*long, "--deadline", "1620"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_overrides_and_scenario_reach_the_job(
    fake: FakeClient, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--warm-up", "2s", "--launches", "2", "--budget", "500ms", "--scenario", "offline"]
    assert run_command_line([*typed, "--detach", *given]) == 0
    (spec,) = fake.specs
    assert spec.overrides == Overrides(2000, 2, 500)
    assert spec.workload.scenario is Scenario.OFFLINE
    capsys.readouterr()
    short = ["--profile", "sustained", "--budget", "60s"]
    assert run_command_line([*typed, *short]) == 2
    assert "profile sustained, which compares" in capsys.readouterr().err
    assert len(fake.specs) == 1


def test_a_suspect_job_is_said_beside_its_table(
    fake: FakeClient, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fake.suspect = "the sentinel took longer"
    assert run_command_line(typed) == 0
    assert (
        "job job-1: suspect, the sentinel took longer; it is measured again as job job-9.\n"
        in capsys.readouterr().err
    )


def test_what_saturates_is_followed_in_exact_mode_too(
    fake: FakeClient, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fake.saturates = True
    assert run_command_line(typed) == 0
    printed = capsys.readouterr()
    assert (
        "job job-1: what saturates in it is measured with session.x64quantprecision=1 too,"
        " as job job-2.\n"
    ) in printed.err
    assert printed.out.count("overridden: session.x64quantprecision=1") == 1
    assert run_command_line(["watch", "job-2"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "it measures what saturates in job job-1 with session.x64quantprecision=1" in shown


def test_a_session_option_reaches_the_job_or_is_refused(
    fake: FakeClient, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--session-option", "session.x64quantprecision=1", "--launches", "2"]
    assert run_command_line([*typed, "--detach", *given]) == 0
    (spec,) = fake.specs
    assert spec.overrides == Overrides(launches=2, session_options=(EXACT_MODE,))
    capsys.readouterr()
    fake.known.clear()
    assert run_command_line([*typed, "--session-option", "session.dynamic_block_base=4"]) == 2
    assert (
        "session option session.dynamic_block_base is none of onnxruntime's:"
        " session.x64quantprecision" in capsys.readouterr().err
    )
    assert len(fake.specs) == 1
    assert not fake.known, "refused before anything was sent"


def test_json_is_the_only_output(
    fake: FakeClient, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line([*typed, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    result = json.loads(printed.out)
    assert result["jobs"][0]["state"] == "finished"
    assert result["rows"][0]["recipe"] == "fp32"
    assert result["uploaded"]["sent_bytes"] == 29


def test_detached_prints_the_ids(
    fake: FakeClient, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line([*typed, "--detach", "--batch", "1,2"]) == 0
    assert capsys.readouterr().out == "job-1\njob-2\n"
    assert run_command_line([*typed, "--detach", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"][0]["job_id"] == "job-3"


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
    fake: FakeClient, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fake.interrupt = True
    assert run_command_line(typed) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (
        "Job job-1 goes on; `bitgauge watch job-1` follows it, `bitgauge cancel job-1` ends it."
    )
    assert run_command_line([*typed, "--batch", "1,2"]) == 130
    assert "Jobs job-2, job-3 go on" in capsys.readouterr().err
    assert run_command_line(["watch", "job-1"]) == 130
    assert fake.cancelled == []


def test_ctrl_c_while_uploading_submits_nothing(
    fake: FakeClient,
    typed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(_: Sequence[Digest]) -> tuple[Digest, ...]:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "find_missing", interrupted)
    assert run_command_line(typed) == 130
    assert capsys.readouterr().err == "Stopped before anything was submitted.\n"


def test_cancel_and_reanalyse(fake: FakeClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["cancel", "job-1"]) == 0
    assert "cancelled" in capsys.readouterr().out
    assert run_command_line(["cancel", "job-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "cancelled"
    assert run_command_line(["reanalyse", "same"]) == 0
    assert run_command_line(["reanalyse", "other"]) == 1
    capsys.readouterr()
    assert run_command_line(["reanalyse", "same", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["identical"] is True
    assert run_command_line(["watch", "job-1", "--json"]) == 0


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


def test_without_a_set_inputs_are_made_from_the_signature(
    fake: FakeClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model,) = (one for one in zoo.models() if one.name == "digits-mlp")
    words = ["run", "--baseline", str(model.path), "--recipes", "fp16"]
    assert run_command_line(words) == 0
    assert "accuracy and numerics are not judged" in capsys.readouterr().err
    content = encoded_set(made_inputs(inspect_model(model.path).inputs, {}))
    (spec,) = fake.specs
    assert spec.evaluation.sha256 == hashlib.sha256(content).hexdigest()
    assert spec.evaluation in fake.known


def test_selectors() -> None:
    assert parse_selector(["rpi5"]) == Selector(device="rpi5")
    words = ["class:edge-arm", "tag:rack=3", "tag:slot=", "runtime:litert", "memory:2GiB"]
    assert parse_selector(words) == Selector(
        hardware_class=HardwareClass.EDGE_ARM,
        runtime="litert",
        min_memory_bytes=2 << 30,
        tags=(StackItem("rack", "3"), StackItem("slot", "")),
    )
    for bad, expected in (
        (["clas:cpu_only"], "did you mean class"),
        (["class:cpu"], "did you mean cpu_only"),
        (["tag:rack"], "not tag:KEY=VALUE"),
        (["a", "name:b"], "gives name twice"),
        (["class:"], "names nothing"),
    ):
        with pytest.raises(BadInput, match=expected):
            parse_selector(bad)


def test_recipes_and_batches() -> None:
    assert parse_recipes("", calibrated=False) == ()
    assert parse_recipes("fp16, int8-dynamic,fp16", calibrated=False) == ("fp16", "int8-dynamic")
    for calibrated in (True, False):
        assert len(parse_recipes("all", calibrated=calibrated)) == len(DEFAULT_RECIPES)
    both = parse_recipes("fp16@litert, all@*,fp16", calibrated=False)
    assert both == ("fp16@litert", "all@*", "fp16")
    with pytest.raises(BadInput, match="int8-static-s8s8-pc@litert needs a calibration set"):
        parse_recipes("int8-static-s8s8-pc@litert", calibrated=False)
    with pytest.raises(BadInput, match="int8-static-u8s8-pc needs a calibration set"):
        parse_recipes("fp16,int8-static-u8s8-pc", calibrated=False)
    with pytest.raises(BadInput, match="nearest known spelling"):
        parse_recipes("int8-dynamik", calibrated=True)
    assert parse_batches(["64", "1,64"]) == (64, 1)
    for bad in ("0", "x", "1,", "-1", "1.5"):
        with pytest.raises(BadInput, match="not a whole number"):
            parse_batches([bad])


def test_one_batch_keeps_its_idempotency_key() -> None:
    baseline = LocalFile(Path("m.onnx"), Digest("a" * 64, 1))
    asked = JobSpec(
        model_name="m",
        baseline=baseline.digest,
        entries=entries_of(baseline, (), ("fp32", "fp16")),
        evaluation=Digest("b" * 64, 1),
        idempotency_key="mine",
    )
    (spec,) = jobs_of(asked, (1,))
    assert spec.idempotency_key == "mine"
    assert [entry.recipe for entry in spec.entries] == ["fp32", "fp16"]


def test_named_axes_are_sorted_pairs() -> None:
    told = (StackItem("S", "16"), StackItem("T=1", "4"))
    assert parse_dims(["T=1=4", "S=16"]) == parse_dims([" S = 16,T=1=4"]) == told
    assert parse_dims([]) == ()
    for bad in ("S", "S=", "=4", "S=0", "S=x", "S=-1", "a b=3", "S=1,S=2", ""):
        with pytest.raises(BadInput, match="--dim"):
            parse_dims([bad])
