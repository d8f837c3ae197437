"""LiteRT in the agent: real runs of files with borders of codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.analysis.timed import pair_launches
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    read_evaluation_set,
    write_evaluation_set,
)
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.numerics import read_ledger
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.reasons import CONVERTED_BORDER
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RunReport

from tests.labs.agent import Lab
from tests.labs.rooms.raw_files import FACTS

BUILT = Path(__file__).parents[2] / "coordinator/builders/litert/built"
"""What LiteRT's quantizer made."""
PASSES = (PassName.QUALITY, PassName.NUMERICS, PassName.PAIR)


def built(name: str) -> bytes:
    return (BUILT / f"{name}.tflite").read_bytes()


def calibration_rows(folder: Path) -> bytes:
    """Its calibration samples as an evaluation set with labels."""
    held = read_evaluation_set((BUILT / "calibration.npz").read_bytes())
    labels = np.arange(len(held)) % 4
    path = folder / "labelled.npz"
    write_evaluation_set(path, EvaluationSet(held.inputs, labels, held.ids))
    return path.read_bytes()


def metrics_of(lab: Lab, job: Assignment, report: RunReport) -> dict[str, MetricValue]:
    raws = [read_raw(lab.coordinator.blobs[ref.digest.sha256]) for ref in report.raw]
    entry = job.entries[report.entry_index]
    facts = replace(
        FACTS,
        run_id=report.run_id,
        recipe=entry.recipe,
        profile=job.profile,
        workload=job.workload,
        candidate=entry.artifact,
        baseline=job.baseline,
    )
    return {one.key: one for one in analyse(raws, facts)}


async def test_a_border_of_codes_is_told_with_what_was_timed(lab: Lab, tmp_path: Path) -> None:
    """It spares the device two conversions, so a ratio to one that does them says so."""
    files = [built(name) for name in ("dense", "dense-int8-static-s8s8-pc")]
    files.append(built("dense-int8-static-s8s8-pc-io"))
    evaluation = calibration_rows(tmp_path)
    job = lab.assignment(files, runtime="litert", evaluation=evaluation, passes=PASSES)
    async with lab.agent():
        reports = await lab.reports(3, timeout_s=120)
    assert [report.failure for report in reports] == [None] * 3
    _, floats, codes = (metrics_of(lab, job, report) for report in reports)
    for report, border in zip(reports[1:], (False, True), strict=True):
        for ref in report.raw:
            if ref.pass_name not in PASSES:
                continue
            raw = read_raw(lab.coordinator.blobs[ref.digest.sha256])
            if ref.pass_name is PassName.PAIR:
                # Of the metric only where it has a value, which takes calm minutes.
                flags = pair_launches({(PassName.PAIR, RawRole.BOTH): (raw,)}, FACTS).flags
                assert (CONVERTED_BORDER in flags) is border
                ratio = (codes if border else floats)["latency_ratio"]
                assert ratio.value is None or (CONVERTED_BORDER in ratio.flags) is border
            told = given_of(raw).session_options or ""
            assert ("converted outside the clock=x int8, y int8" in told) is border, ref
            if ref.pass_name is PassName.NUMERICS:
                ledger = read_ledger(raw)
                assert ledger.twin_elements >= 4 * ledger.samples > 0
                assert ledger.twin_steps is not None
                assert ledger.twin_steps <= 1
    # The same weights and ranges: only who converts is another.
    assert codes["accuracy_pct"].value == floats["accuracy_pct"].value is not None
