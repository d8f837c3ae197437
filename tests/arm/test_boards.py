"""The same int8 artifact on two ARM cores and on an x86 without VNNI: who computes what."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.npz import write_npz
from bitgauge.benchmarks.numerics.integer_operator import spread
from bitgauge.benchmarks.vocabulary.enums import CellState, Health, JobState
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.reasons import WRONG_KERNEL
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView, Selector
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RunView
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import local_file, upload

from tests.matrix import require_ran
from tests.processes.bench import accepted, in_the_middle
from tests.processes.conftest import Up

from .boards import HASWELL, Board, arm_board, haswell_board
from .userland import CORES, Userland

pytestmark = [pytest.mark.timeout(1800)]

RECIPE = "int8-static-u8s8-pc"
"""The one whose AVX2 kernels saturate."""
LITE = "int8-static-s8s8-pc"
"""Built for LiteRT, whose kernels are exact everywhere."""
WRAPS = "minus-128"
"""That recipe, with -128 where two products share 16 bits on a core without dot products."""
FAILS, DOTS = sorted(CORES)
"""A core without dot products, whose board loses its power on the way, and one with them."""
SAMPLES = 128
JOB_S = 1200
ENDED = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one device said of one artifact."""

    run_id: str
    metrics: dict[str, MetricValue]

    def value(self, key: str) -> float | None:
        return self.metrics[key].value


@dataclass(frozen=True, slots=True)
class Outage:
    """A board that lost its power in the middle of its job.

    Attributes:
        before: ids of the results that were accepted before that, by entry.
        attempts: all runs of the job at its end.
        checks: its newest health check before the power went, and at the end.
    """

    before: dict[int, list[str]]
    attempts: tuple[RunView, ...]
    checks: tuple[DeviceView, DeviceView]


Answers = dict[str, dict[str, Answer]]
"""By device, then by recipe."""


@pytest.fixture(scope="module")
def seen(arm: Userland, up: Up, tmp_path_factory: pytest.TempPathFactory) -> tuple[Answers, Outage]:
    """What each device says, two at a time; the first board loses its power on the way."""
    folder = tmp_path_factory.mktemp("boards")
    outages: list[Outage] = []

    def on(opened: AbstractContextManager[Board], fails: bool) -> dict[str, Answer]:
        with opened as board:
            return _measured(board, outages if fails else None)

    with ThreadPoolExecutor(2) as pool:
        there = {
            cpu: pool.submit(on, arm_board(arm, up, cpu, folder), cpu == FAILS)
            for cpu in (FAILS, DOTS)
        }
        there[HASWELL] = pool.submit(on, haswell_board(up, folder), False)
        answers = {name: one.result() for name, one in there.items()}
    return answers, outages[0]


@pytest.fixture(scope="module")
def answers(seen: tuple[Answers, Outage]) -> Answers:
    return seen[0]


def _measured(board: Board, outages: list[Outage] | None) -> dict[str, Answer]:
    (model,) = (one for one in zoo.models() if one.name == "digits-mlp")
    lite = local_file(model.built("tflite")[LITE])
    baseline = local_file(model.path)
    evaluation = local_file(some(zoo.evaluation_path(), board.log.with_suffix(".npz")))
    calibration = local_file(zoo.calibration_path())
    wraps = local_file(_with_minus_128(model, board.log.with_suffix(".onnx")))
    with board.up.client() as client:
        upload(client, (baseline, evaluation, calibration, lite, wraps))
        entries = (
            Entry("fp32", baseline.digest),
            Entry(RECIPE),
            Entry(LITE, lite.digest, runtime="litert", name="lite"),
            Entry("", wraps.digest, name=WRAPS),
        )
        job_id = client.submit(
            JobSpec(
                *("digits-mlp", baseline.digest, entries, evaluation.digest),
                calibration=calibration.digest,
                selector=Selector(device=board.name),
            )
        ).job_id
        if outages is not None:
            _until(client, job_id, in_the_middle)
            before, checked = accepted(client.runs(job_id)), _device(client, board.name)
            board.lose_power()
            board.switch_on()
        ended = _until(client, job_id, lambda job: job.state in ENDED)
        assert ended.state is JobState.FINISHED, ended
        attempts = client.runs(job_id)
        if outages is not None:
            outages.append(Outage(before, attempts, (checked, _device(client, board.name))))
        runs = {one.entry_index: one for one in attempts if one.metrics}
        assert len(runs) == len(entries)
        own = _device(client, board.name).description
        for runtime in ("onnxruntime", "litert"):
            require_ran(own, runtime)
    return {
        entry.recipe or entry.name: Answer(run.run_id, {one.key: one for one in run.metrics})
        for entry, run in ((entries[index], run) for index, run in runs.items())
    }


def _with_minus_128(model: zoo.ZooModel, place: Path) -> Path:
    """The int8 artifact, as an asymmetric quantizer might have left the weights of two pixels.

    They are the first of the first two rows of an image: hardly ever anything else than zero,
    which is -128 to a kernel for signed numbers. Their products share 16 bits: k is 0 and 8.
    """
    made = place.with_name(f"{place.stem}-{RECIPE}.onnx")
    registry.build(BuildRequest(parse(RECIPE), model.path, made, zoo.calibration_path()))
    proto = onnx.load(made)
    for one in proto.graph.initializer:
        if one.name == "layer0.weight_quantized":
            weights = onnx.numpy_helper.to_array(one).copy()
            weights[[0, 8]] = -128
            one.CopyFrom(onnx.numpy_helper.from_array(weights, one.name))
    onnx.save(proto, place)
    return place


def some(whole: Path, place: Path) -> Path:
    """So many samples, spread over an evaluation set: emulated, each takes its time."""
    with np.load(whole) as found:
        chosen = spread(len(found["ids"]), SAMPLES)
        write_npz(place, {name: v[chosen] if v.ndim else v for name, v in found.items()})
    return place


def _until(client: Client, job_id: str, wanted: Callable[[JobView], bool]) -> JobView:
    until = time.monotonic() + JOB_S
    while not wanted(job := client.job(job_id)):
        assert time.monotonic() < until, job
        time.sleep(0.5)
    return job


def _device(client: Client, name: str) -> DeviceView:
    return next(one for one in client.devices() if one.description.name == name)


def test_a_board_that_lost_its_power_is_checked_and_finishes_its_job_once(
    seen: tuple[Answers, Outage],
) -> None:
    outage = seen[1]
    after = accepted(outage.attempts)
    assert outage.before.keys() == {0}
    assert {index: len(runs) for index, runs in after.items()} == dict.fromkeys(range(4), 1)
    assert after[0] == outage.before[0], "what was acknowledged is not measured again"
    lost = {one.failure.code for one in outage.attempts if one.failure}
    assert lost == {Code.HOST_REBOOTED.value}
    first, last = outage.checks
    assert (first.health, last.health) == (Health.GOOD, Health.GOOD)
    assert first.check_job_id != last.check_job_id


@pytest.mark.parametrize("cpu", sorted(CORES))
@pytest.mark.parametrize("recipe", [RECIPE, LITE])
def test_arm_kernels_are_exact_with_and_without_dot_products(
    answers: Answers, cpu: str, recipe: str
) -> None:
    found = answers[cpu][recipe]
    assert found.value("kernel_error_pct") == 0.0
    assert found.value("saturated_pct") == 0.0
    coverage = found.value("int_coverage")
    assert coverage is not None
    assert coverage > 0.9


def test_minus_128_by_minus_128_is_wrong_where_the_probe_says_so_and_nowhere_else(
    answers: Answers, up: Up
) -> None:
    """A file of which every product is exact in 32 bits; ONNX Runtime 1.31 adds two in 16."""
    wrong, right = answers[FAILS][WRAPS], answers[DOTS][WRAPS]
    assert right.value("kernel_error_pct") == 0.0
    assert (wrong.value("kernel_error_pct") or 0.0) > 10.0
    assert WRONG_KERNEL in wrong.metrics["saturated_pct"].flags
    assert WRONG_KERNEL not in right.metrics["saturated_pct"].flags
    assert WRONG_KERNEL not in answers[FAILS][RECIPE].metrics["saturated_pct"].flags
    lost, kept = (one.value("accuracy_delta_pp") for one in (wrong, right))
    assert lost is not None
    assert kept is not None
    assert lost < -10.0 < kept
    told = " ".join(up.bitgauge("explain", wrong.run_id).stdout.split())
    assert "Keep -128 out of the weights" in told


def test_the_same_file_saturates_on_an_x86_without_vnni(
    answers: Answers,
) -> None:
    x86, arm = answers[HASWELL][RECIPE], answers[DOTS][RECIPE]
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


def test_cores_of_one_architecture_answer_alike(answers: Answers) -> None:
    for recipe in (RECIPE, LITE):
        alike = {answers[cpu][recipe].value("accuracy_pct") for cpu in CORES}
        assert len(alike) == 1


def test_emulated_time_memory_and_energy_are_null_and_no_row_enters_the_table(
    answers: Answers, up: Up
) -> None:
    for device in answers.values():
        for answer in device.values():
            for key in ("latency_p50_ns", "latency_ratio", "peak_memory_bytes", "energy_mj"):
                assert answer.value(key) is None
                assert answer.metrics[key].reason in ("emulated", "baseline_itself")
    with up.client() as client:
        assert {one.state for one in client.cells()} <= {CellState.PRIOR, CellState.PREDICTED}
        probed = [
            one
            for device in client.devices()
            if device.description.name in answers
            for one in device.description.runtimes
            if one.name == "onnxruntime"
        ]
    assert [bool(one.kernel_modes) for one in probed] == [True] * len(answers)
    assert not [one.anchors for one in probed if one.anchors]


def test_compare_shows_where_the_two_differ(answers: Answers, up: Up) -> None:
    arm, x86 = (answers[name][RECIPE].run_id for name in (DOTS, HASWELL))
    told = up.bitgauge("compare", arm, x86)
    assert told.returncode == 0, told.stderr
    assert "saturated_pct" in told.stdout
    found = json.loads(up.bitgauge("compare", arm, x86, "--json").stdout)
    (apart,) = found["apart"]
    assert (apart["before"], apart["after"]) == (arm, x86)
    for one in apart["tensors"]:
        assert (one["before"]["saturated"], one["before"]["wrong"]) == (0.0, 0.0), one
        assert max(one["after"]["saturated"], one["after"]["wrong"]) > 0.0, one
        assert one["tensor"][-20:] in told.stdout
    assert max(one["after"]["wrong"] for one in apart["tensors"]) > 0.0
    explained = {
        name: up.bitgauge("explain", run).stdout for name, run in ((DOTS, arm), (HASWELL, x86))
    }
    assert "saturate in" in explained[HASWELL]
    assert "outputs more than one step off" in explained[HASWELL]
    assert "Exact here" in explained[DOTS]
