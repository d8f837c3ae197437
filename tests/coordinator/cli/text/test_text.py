from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    Disposition,
    EntryState,
    FailureGroup,
    FormatFamily,
    JobState,
    PassName,
    RawRole,
    Realness,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.values.choices import Candidate, Choice
from bitgauge.benchmarks.vocabulary.values.devices import (
    MeterDescription,
    RuntimeDescription,
    StackItem,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import EntryView, ModelSource, Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import (
    Failure,
    MetricValue,
    Progress,
    RawRef,
    Reanalysis,
    RunView,
)
from bitgauge.coordinator.cli.follow import changes, follow, fraction, headline
from bitgauge.coordinator.cli.text import choice as render_choice
from bitgauge.coordinator.cli.text import devices, layout, runs
from bitgauge.coordinator.cli.text import jobs as render
from bitgauge.coordinator.cli.text.layout import WIDTH
from bitgauge.coordinator.cli.text.rows import table_text

from tests.labs import values

DEVICE = values.view(
    values.device(
        "here",
        device_id="device-1",
        realness=Realness.VIRTUAL_MACHINE,
        processor_model="AMD EPYC 7B13",
        core_count=2,
        kernel_release="6.1.0",
        virtualisation="kvm",
        runtimes=(RuntimeDescription("onnxruntime", "1.31.1"),),
        tags=(StackItem("rack", "3"),),
    ),
    last_seen_unix_ns=0,
)


def row(recipe: str, *metrics: MetricValue, **fields: Any) -> TableRow:
    here = {"realness": Realness.VIRTUAL_MACHINE, "baseline": None}
    return values.row(recipe, metrics=metrics, **(here | fields))


FP32 = row(
    "fp32",
    MetricValue("size_bytes", 400_000),
    MetricValue("size_ratio", 1.0),
    MetricValue("latency_ratio", reason="baseline"),
    MetricValue("latency_p50_ns", 200_000, 198_000, 203_000),
    MetricValue("peak_memory_bytes", 12 << 20),
    MetricValue("accuracy_pct", 96.02),
    MetricValue("accuracy_delta_pp", reason="baseline"),
    MetricValue("energy_mj", reason="no_sensor"),
)
INT8 = row(
    "int8-static-u8s8-pc-rr",
    MetricValue("size_bytes", 100_000),
    MetricValue("size_ratio", 0.25),
    MetricValue("latency_ratio", 0.523, 0.411, 0.551, verdict="UNDECIDED"),
    MetricValue("latency_p50_ns", 104_000),
    MetricValue("peak_memory_bytes", reason="below_resolution"),
    MetricValue("accuracy_delta_pp", -0.22, -1.84, 0.41, verdict="UNDECIDED"),
    MetricValue("energy_mj", reason="no_sensor"),
    flags=("preliminary", "shared"),
)
INT4 = row(
    "int4-wo-b32", state=CellState.UNSUPPORTED, reason="no MatMul with constant weights " * 4
)


def test_table_fits_the_width_and_hides_nothing() -> None:
    rows = [FP32, INT8, INT4]
    rows += [replace(one, workload=Workload(batch=64)) for one in rows]
    printed = table_text(rows, [DEVICE])
    assert max(map(len, printed.splitlines())) <= WIDTH
    lines = printed.splitlines()
    assert lines[0].startswith("digits-cnn (cnn) on here: cpu_only, virtual_machine, onnxruntime")
    assert "AMD EPYC 7B13, 2 cores, 8.00 GiB, kernel 6.1.0, virtualised (kvm)" in printed
    fp32 = next(line for line in lines if line.startswith("fp32 "))
    assert fp32.split() == ["fp32", "391", "KiB", "baseline", "200", "µs", "12.0", "96.0", "%"]
    int8 = next(line for line in lines if line.startswith("int8"))
    assert "0.52 [0.41, 0.55] UNDECIDED" in int8
    assert "-0.2 [-1.8, +0.4] UNDECIDED" in int8
    assert sum(line.startswith("int4-wo-b32") for line in lines) == 2
    assert "unsupported: no MatMul" in printed
    assert "batch 1, 1 thread" in lines
    assert "batch 64, 1 thread" in lines
    assert "energy: not measured (no_sensor)" in lines
    assert "peak memory: none (the baseline needs less than twice what an empty" in printed
    assert "shared (others used the device" in printed
    assert "profile quick (preliminary)" in lines[0]


def test_rows_of_another_runtime_follow_those_that_they_are_held_against() -> None:
    lite = [replace(INT8, runtime="litert", reference="onnxruntime")]
    other = [replace(one, model_name="digits-mlp") for one in (*lite, FP32)]
    titles = [
        line.partition(" on ")[0].split()[0] + (" litert" if "litert" in line else "")
        for line in table_text([*lite, FP32, *other]).splitlines()
        if line.startswith("digits-")
    ]
    assert titles == ["digits-cnn", "digits-cnn litert", "digits-mlp", "digits-mlp litert"]


def test_kernel_mode_and_saturated_share_are_shown_once_for_rows_that_are_alike() -> None:
    def kernels(recipe: str, mode: str, share: float) -> TableRow:
        metric = MetricValue("saturated_pct", share)
        return replace(INT8, recipe=recipe, kernel_mode=mode, metrics=(*INT8.metrics, metric))

    rows = [
        FP32,
        kernels("int8-dynamic", "exact", 0.0),
        kernels("int8-static-u8s8-pc", "sat16", 2.46),
        kernels("int8-static-u8u8-pt", "exact", 0.0),
    ]
    printed = table_text(rows)
    alike = "kernels exact, 0 % of sums saturated: int8-dynamic, int8-static-u8u8-pt"
    assert alike in printed
    assert "kernels sat16, 2.5 % of sums saturated: int8-static-u8s8-pc" in printed
    assert "kernels" not in table_text([FP32, INT8])


def test_table_says_when_it_is_empty_and_separates_models() -> None:
    assert table_text([]) == "The table has no row that matches."
    blind = [
        row("fp32", MetricValue("accuracy_pct", reason="ambiguous_output")),
        row("fp16", MetricValue("accuracy_delta_pp", reason="ambiguous_output")),
    ]
    why = "accuracy delta: none (several outputs may be the one to judge; choose one with --output)"
    assert f"{why}: fp32" in " ".join(table_text(blind[:1]).split())
    assert f"{why}: every measured row" in " ".join(table_text(blind).split())
    two = table_text([FP32, replace(FP32, model_name="other", baseline=Digest("a" * 64, 1))])
    assert two.count("recipe ") >= 2
    assert "\nother (cnn)" in two


def test_measured_energy_is_printed() -> None:
    energy = MetricValue("energy_mj", 12.34, 12.0, 12.6)
    one = replace(INT8, metrics=(*INT8.metrics[:-1], energy))
    assert "energy: int8-static-u8s8-pc-rr: 12.3 mJ [12.0 mJ, 12.6 mJ]" in table_text([one])


def test_colour_is_added_to_verdicts_only() -> None:
    assert layout.coloured("0.5 FASTER") == "0.5 \x1b[32mFASTER\x1b[0m"
    assert layout.coloured("plain") == "plain"


def test_a_device_says_what_meters_its_energy_or_why_nothing_does() -> None:
    def printed(*meters: MeterDescription) -> str:
        description = replace(DEVICE.description, meters=meters)
        return devices.devices_text([replace(DEVICE, description=description)])

    rapl = MeterDescription("rapl", "energy", "counter", "package", uncertainty_relative=0.05)
    assert "  energy: rapl, counter, package, ±5%" in printed(rapl)
    assert "(virtualised)" in printed(replace(rapl, reason="virtualised"))
    assert "energy: null, the device has no energy meter (no_sensor)" in printed()


def test_devices() -> None:
    printed = devices.devices_text([DEVICE, replace(DEVICE, job_id="job-1", state="busy")])
    assert printed.startswith("here  idle  good  cpu_only  virtual_machine  seen ")
    assert "days ago" in printed
    assert "tags: rack=3" in printed
    assert "here  busy  good  cpu_only  virtual_machine  job job-1" in printed
    assert "bitgauge-agent run" in devices.devices_text([])


def entry(index: int, state: EntryState, reason: str | None = None) -> EntryView:
    return EntryView(index, "", ("fp32", "fp16", "int8-dynamic")[index], state, reason=reason)


JOB = values.seen(
    "job-1",
    entry(0, EntryState.ACCEPTED),
    entry(1, EntryState.UNSUPPORTED, "no kernels"),
    entry(2, EntryState.READY),
    state=JobState.LEASED,
    workload=Workload(batch=8),
    submitted_unix_ns=time.time_ns(),
    device_name="here",
    progress=Progress(2, "int8-dynamic", "pair", 0.5),
)


def test_a_reason_that_several_entries_have_is_said_once() -> None:
    first, broken, _ = JOB.entries
    both = replace(JOB, entries=(first, broken, replace(broken, index=2, recipe="int4-wo-b32")))
    assert render.job_text(both).count("no kernels") == 1
    assert f"int4-wo-b32 unsupported as {broken.recipe}" in " ".join(render.job_text(both).split())
    failed = [
        values.row(recipe, state=CellState.FAILED, reason="it does not fit")
        for recipe in ("fp32", "fp16")
    ]
    assert table_text(failed).count("it does not fit") == 1
    assert "failed as fp32" in table_text(failed)
    assert changes(None, replace(JOB, state=JobState.ANALYSING, waiting_for="analysis"))[0] == (
        "digits batch 8: analysing"
    )


def test_jobs() -> None:
    printed = render.jobs_text([JOB])
    assert printed.splitlines()[1].split()[:6] == ["job-1", "leased", "digits", "8", "2/3", "here"]
    suspect = render.jobs_text([replace(JOB, suspect="it drifted")])
    assert f"{JOB.state.value}, suspect" in suspect
    assert render.jobs_text([]) == "There are no jobs."
    detail = render.job_text(replace(JOB, state=JobState.FAILED, reason="The deadline passed."))
    assert detail.splitlines()[0] == "job job-1: digits at batch 8, failed on here"
    assert "  The deadline passed." in detail
    assert "unsupported: no kernels" in detail
    assert " in " not in detail.splitlines()[-1], "one runtime is not worth a word"
    first, *others = JOB.entries
    sent = Digest("0123456789" + "0" * 54, 7)
    form = ModelSource(sent, "m.tflite", "tflite", "agrees with the baseline on 64 samples")
    told = " ".join(render.job_text(replace(JOB, sources=(form,))).split())
    assert f"source m.tflite {sent.short} (tflite): agrees with the baseline on 64" in told
    ordered = render.job_text(replace(JOB, original=sent, order=("opset 9 to 13", "IR 3 to 7")))
    assert "  the baseline 01234567 was put in order: opset 9 to 13; IR 3 to 7" in ordered
    left = (replace(first, artifact=sent), *others)
    kept = render.job_text(replace(JOB, entries=left, original=sent, order=("it: left out, why",)))
    assert "  the baseline is not in order and is measured as it is: it: left out, why" in kept
    mixed = (replace(first, runtime="onnxruntime"), *(replace(o, runtime="litert") for o in others))
    words = render.job_text(replace(JOB, entries=mixed))
    assert "fp32 in onnxruntime " in words
    assert "fp16 in litert " in words


def test_progress_in_words_and_as_a_fraction() -> None:
    assert headline(JOB) == "digits batch 8: int8-dynamic pair"
    assert fraction(JOB) == 2.5 / 3
    assert fraction(replace(JOB, state=JobState.FINISHED)) == 1.0
    queued = replace(JOB, state=JobState.QUEUED, waiting_for="device here is busy")
    assert headline(queued) == "digits batch 8: queued, device here is busy"
    assert headline(replace(JOB, progress=None)) == "digits batch 8: leased"
    assert changes(None, JOB) == [
        "digits batch 8: leased on here",
        "digits batch 8: 2/3 fp32 measured",
        "digits batch 8: 2/3 fp16 unsupported: no kernels",
    ]
    assert changes(JOB, JOB) == []
    assert changes(replace(JOB, state=JobState.BUILDING), queued)[0].endswith(
        "queued, device here is busy"
    )


def test_following_prints_lines_on_stderr_only(capsys: object) -> None:
    assert hasattr(capsys, "readouterr")
    assert follow([JOB, replace(JOB, state=JobState.FINISHED)]) is not None
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == "digits batch 8: finished"
    assert follow([JOB], quiet=True) == JOB
    assert follow([], quiet=True) is None
    assert capsys.readouterr() == ("", "")


RUN = RunView(
    "run-1",
    "job-1",
    1,
    2,
    Disposition.ACCEPTED,
    RunStatus.MEASURED,
    "device-1",
    "here",
    "int8-dynamic",
    "bwrap",
    10**18,
    10**18 + 5 * 10**9,
    analysis_version=1,
    stack=(StackItem("kernel", "6.1.0"),),
    raw=(RawRef(PassName.PAIR, 0, RawRole.BOTH, Digest("a" * 64, 2048)),),
    metrics=(
        MetricValue(
            "latency_ratio",
            0.5,
            0.4,
            0.6,
            n=60,
            verdict="FASTER",
            difference="detected",
            detail=(StackItem("quads", "60"),),
        ),
    ),
)


def test_run() -> None:
    printed = runs.run_text(RUN)
    assert "run run-1: int8-dynamic on here, measured, accepted, 5.0 s" in printed
    assert "0.50 [0.40, 0.60] FASTER  n=60  difference detected  quads=60" in printed
    assert f"pair launch 0 both  sha256 {'a' * 64}  2.00 KiB" in printed
    failure = Failure(
        FailureGroup.ARTIFACT, "crashed", "The child got SIGSEGV.", "Run it again.", "line"
    )
    failed = replace(RUN, status=RunStatus.FAILED, failure=failure, metrics=())
    assert "artifact crashed: The child got SIGSEGV." in runs.run_text(failed)
    assert "  | line" in runs.run_text(failed)
    assert runs.run_line(failed).endswith("here: The child got SIGSEGV.")
    own = replace(RUN, label="mine.onnx", artifact=Digest("b" * 64, 1))
    assert "run run-1: int8-dynamic mine.onnx bbbbbbbb on here" in runs.run_text(own)
    assert runs.run_line(own).startswith("run-1  int8-dynamic mine.onnx bbbbbbbb  epoch 1")
    built = replace(RUN, built=("2 of 3 products of matrices are quantized",))
    assert "as it was built:\n  2 of 3 products" in runs.run_text(built)
    assert "as it was built" not in runs.run_text(RUN)
    waiting = replace(RUN, metrics=(), analysis_version=None)
    assert "not analysed yet" in runs.run_text(waiting)


def test_choice() -> None:
    choice = Choice(
        "format",
        "fp16",
        FormatFamily.FP16,
        "Ship fp16 for cnn.",
        candidates=(
            Candidate("fp32", FormatFamily.FP32, True),
            Candidate("int8-dynamic", FormatFamily.INT8, False, ("loses 3.0 points " * 9,)),
            Candidate(
                "fp16",
                FormatFamily.FP16,
                True,
                latency_ratio=MetricValue("latency_ratio", 0.5, 0.4, 0.6, verdict="FASTER"),
            ),
        ),
        next_command="bitgauge run",
        warnings=("preliminary: profile quick",),
    )
    printed = render_choice.choice_text(choice)
    assert printed.startswith("Ship fp16 for cnn.\n\n  fp16 ")
    assert "    latency 0.50 [0.40, 0.60] FASTER, size unknown, accuracy unknown" in printed
    assert printed.index("int8-dynamic") > printed.index("fp16 ")
    assert printed.endswith("note: preliminary: profile quick\nto know more: bitgauge run")
    assert max(map(len, printed.splitlines())) <= WIDTH


def test_reanalysis_shows_every_digit() -> None:
    metric = MetricValue("latency_ratio", 0.1 + 0.2)
    same = runs.reanalysis_text("run-1", Reanalysis((metric,), (metric,), True))
    assert same.count("0.30000000000000004") == 2
    assert same.endswith("Run run-1: the recomputed numbers have the same digits.")
    other = (MetricValue("latency_ratio", 0.3), MetricValue("size_ratio"))
    differs = runs.reanalysis_text("run-1", Reanalysis((metric,), other, False))
    assert differs.count("DIFFERENT") == 2
    assert differs.endswith("differ from the published ones.")
