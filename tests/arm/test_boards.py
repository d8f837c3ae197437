"""The same int8 artifact on two ARM cores and on an x86 without VNNI: who computes what."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import JobState
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView, Selector
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import local_file, upload

from tests.matrix import require_ran
from tests.processes.conftest import Up

from .boards import HASWELL, arm_board, haswell_board
from .userland import CORES, Userland

pytestmark = [pytest.mark.timeout(600)]

RECIPE = "int8-static-u8s8-pc"
"""The one whose AVX2 kernels saturate."""
LITE = "int8-static-s8s8-pc"
"""Built for LiteRT, whose kernels are exact everywhere."""
JOB_S = 400
ENDED = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one device said of one artifact."""

    run_id: str
    metrics: dict[str, MetricValue]

    def value(self, key: str) -> float | None:
        return self.metrics[key].value


@pytest.fixture(scope="module")
def answers(
    arm: Userland, up: Up, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Answer]]:
    """By device, then by recipe and runtime; the devices measure one after the other."""
    folder = tmp_path_factory.mktemp("boards")
    found: dict[str, dict[str, Answer]] = {}
    for cpu in sorted(CORES):
        with arm_board(arm, up, cpu, folder):
            found[cpu] = _measured(up, cpu)
    with haswell_board(up, folder):
        found[HASWELL] = _measured(up, HASWELL)
    return found


def _measured(up: Up, device: str) -> dict[str, Answer]:
    (model,) = (one for one in zoo.models() if one.name == "digits-mlp")
    lite = local_file(model.built("tflite")[LITE])
    baseline, evaluation = local_file(model.path), local_file(zoo.evaluation_path())
    calibration = local_file(zoo.calibration_path())
    with up.client() as client:
        upload(client, (baseline, evaluation, calibration, lite))
        entries = (
            Entry("fp32", baseline.digest),
            Entry(RECIPE),
            Entry(LITE, lite.digest, runtime="litert", name="lite"),
        )
        view = client.submit(
            JobSpec(
                *("digits-mlp", baseline.digest, entries, evaluation.digest),
                calibration=calibration.digest,
                selector=Selector(device=device),
            )
        )
        ended = _ended(client, view.job_id)
        assert ended.state is JobState.FINISHED, ended
        runs = {run.entry_index: run for run in client.runs(view.job_id) if run.metrics}
        assert len(runs) == len(entries)
        (own,) = (one for one in client.devices() if one.description.name == device)
        for runtime in ("onnxruntime", "litert"):
            require_ran(own.description, runtime)
    return {
        entry.recipe: Answer(run.run_id, {one.key: one for one in run.metrics})
        for entry, run in ((entries[index], run) for index, run in runs.items())
    }


def _ended(client: Client, job_id: str) -> JobView:
    until = time.monotonic() + JOB_S
    while (job := client.job(job_id)).state not in ENDED:
        assert time.monotonic() < until, job
        time.sleep(1)
    return job


@pytest.mark.parametrize("cpu", sorted(CORES))
@pytest.mark.parametrize("recipe", [RECIPE, LITE])
def test_arm_kernels_are_exact_with_and_without_dot_products(
    answers: dict[str, dict[str, Answer]], cpu: str, recipe: str
) -> None:
    found = answers[cpu][recipe]
    assert found.value("kernel_error_pct") == 0.0
    assert found.value("saturated_pct") == 0.0
    coverage = found.value("int_coverage")
    assert coverage is not None
    assert coverage > 0.9


def test_the_same_file_saturates_on_an_x86_without_vnni(
    answers: dict[str, dict[str, Answer]],
) -> None:
    x86, arm = answers[HASWELL][RECIPE], answers["cortex-a76"][RECIPE]
    saturated = x86.value("saturated_pct")
    assert saturated is not None
    assert saturated > 0.0
    assert x86.value("kernel_error_pct") != 0.0
    assert answers[HASWELL][LITE].value("kernel_error_pct") == 0.0
    lost = x86.value("accuracy_delta_pp")
    kept = arm.value("accuracy_delta_pp")
    assert lost is not None
    assert kept is not None
    assert kept >= -1.0


def test_cores_of_one_architecture_answer_alike(answers: dict[str, dict[str, Answer]]) -> None:
    for recipe in (RECIPE, LITE):
        alike = {answers[cpu][recipe].value("accuracy_pct") for cpu in CORES}
        assert len(alike) == 1


def test_emulated_time_memory_and_energy_are_null_and_no_row_enters_the_table(
    answers: dict[str, dict[str, Answer]], up: Up
) -> None:
    for device in answers.values():
        for answer in device.values():
            for key in ("latency_p50_ns", "latency_ratio", "peak_memory_bytes", "energy_mj"):
                assert answer.value(key) is None
                assert answer.metrics[key].reason in ("emulated", "baseline_itself")
    with up.client() as client:
        assert client.cells() == ()


def test_compare_shows_where_the_two_differ(answers: dict[str, dict[str, Answer]], up: Up) -> None:
    arm, x86 = (answers[name][RECIPE].run_id for name in ("cortex-a76", HASWELL))
    told = up.bitgauge("compare", arm, x86)
    assert told.returncode == 0, told.stderr
    assert "saturated" in told.stdout
