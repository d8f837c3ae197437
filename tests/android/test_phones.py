"""Two phones behind adb, from the job to the row: what is measured, and what a cable costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bitgauge.agents.devices.android import listing
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import CellState, Disposition, JobState
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector
from bitgauge.benchmarks.vocabulary.values.runs import RunView
from bitgauge.coordinator.client.upload import local_file, upload

from tests.matrix import PHONE, require_ran

from .conftest import REGISTER_S, Lab
from .phones import Plugged

pytestmark = [pytest.mark.timeout(900)]

RECIPE = "int8-static-u8s8-pc"
"""The one whose AVX2 kernels saturate; those of ARM are exact."""
JOB_S = 600.0
ENDED = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)


def submit(lab: Lab, phone: Plugged, *recipes: str) -> str:
    (model,) = (one for one in zoo.models() if one.name == "digits-mlp")
    baseline, evaluation = local_file(model.path), local_file(zoo.evaluation_path())
    calibration = local_file(zoo.calibration_path())
    with lab.up.client() as client:
        upload(client, (baseline, evaluation, calibration))
        entries = (Entry("fp32", baseline.digest), *map(Entry, recipes))
        return client.submit(
            JobSpec(
                *("digits-mlp", baseline.digest, entries, evaluation.digest),
                calibration=calibration.digest,
                selector=Selector(device=phone.name),
                wait_for_device=True,
            )
        ).job_id


def ended(lab: Lab, job: str) -> list[RunView]:
    """The runs of a job that is waited for."""
    with lab.up.client() as client:
        lab.wait(lambda: client.job(job).state in ENDED, JOB_S)
        assert client.job(job).state is JobState.FINISHED, client.runs(job)
        return list(client.runs(job))


def accepted(runs: list[RunView]) -> list[int]:
    return sorted(one.entry_index for one in runs if one.disposition is Disposition.ACCEPTED)


def test_a_connection_that_failed_is_no_phone_though_adb_exits_with_0(lab: Lab) -> None:
    nowhere = "127.0.0.1:9"
    done = lab.adb("connect", nowhere)
    assert "failed to connect" in done.stdout + done.stderr
    assert done.returncode == 0
    assert lab.adb.states().get(nowhere) != listing.READY
    told = lab.command("describe", "--device", f"android:{nowhere}")
    assert told.returncode != 0
    assert f"No android:{nowhere} is here" in told.stderr


def test_a_phone_says_what_it_is_and_that_it_is_emulated(lab: Lab) -> None:
    told = json.loads(lab.command("describe", "--json", "--device", "android").stdout)
    assert [one["realness"] for one in told] == ["emulated"] * 2
    for one in told:
        stack = {item["name"]: item["value"] for item in one["stack"]}
        assert "no getprop" in stack["android_release"]
        assert stack["power_mode"] == "fixed_performance not obtained"
        assert "asimddp" in one["isa_flags"]
        assert {runtime["name"] for runtime in one["runtimes"]} == {"onnxruntime"}


def test_both_jobs_end_with_each_entry_once_though_one_phone_was_unplugged(lab: Lab) -> None:
    _, right = lab.phones
    with lab.agent():
        jobs = [submit(lab, one, RECIPE) for one in lab.phones]
        lab.wait(lambda: any((right.folder / "run").glob("spec.json")), JOB_S)
        right.kill()
        lab.wait(lambda: lab.said("is not connected") > 0, JOB_S)
        right.plug()
        found = [ended(lab, job) for job in jobs]
        assert [accepted(runs) for runs in found] == [[0, 1]] * 2
        lost = [one for one in found[1] if one.disposition is Disposition.RETRY]
        assert {one.failure.code for one in lost if one.failure} <= {Code.PHONE_OFFLINE.value}
        assert lost
        for runs in found:
            (int8,) = (one for one in runs if one.entry_index == 1 and one.metrics)
            metrics = {one.key: one for one in int8.metrics}
            assert metrics["kernel_error_pct"].value == 0.0
            assert (metrics["int_coverage"].value or 0.0) > 0.9
            assert metrics["accuracy_pct"].value is not None
            for key in ("latency_p50_ns", "latency_ratio", "peak_memory_bytes", "energy_mj"):
                assert (metrics[key].value, metrics[key].reason) == (None, "emulated")
        with lab.up.client() as client:
            assert {cell.state for cell in client.cells()} <= {CellState.PRIOR}
            for view in client.devices():
                require_ran(view.description, "onnxruntime", PHONE)


def test_a_phone_that_is_plugged_in_later_is_served_without_a_restart(lab: Lab) -> None:
    left, right = lab.phones
    right.disconnect()
    there, come = f"Registered {left.name}", f"Registered {right.name}"
    before = lab.said(there), lab.said(come)
    with lab.agent(expected=1):
        assert (lab.said(there), lab.said(come)) == (before[0] + 1, before[1])
        right.plug()
        lab.wait(lambda: lab.said(come) > before[1], REGISTER_S)


def versions(parts: Path) -> set[str]:
    """Of our code, those that a phone has."""
    return {one.name for one in parts.iterdir() if (one / "bitgauge").exists()}


def test_a_loose_cable_and_another_version_of_our_code_cost_nothing_but_time(lab: Lab) -> None:
    left, _ = lab.phones
    with lab.agent():
        parts = left.folder / "parts"
        code = next(one for one in parts.iterdir() if (one / "bitgauge").exists())
        code.rename(code.with_name("0" * 64))
        job = submit(lab, left)
        lab.wait(lambda: {code.name, "0" * 64} & versions(parts) == {code.name}, JOB_S)
        lab.wait(lambda: any((left.folder / "run").glob("acks")), JOB_S)
        left.disconnect()
        lab.wait(lambda: lab.said(f"The phone {left.serial} is not connected") > 0, JOB_S)
        left.plug()
        assert accepted(ended(lab, job)) == [0]
