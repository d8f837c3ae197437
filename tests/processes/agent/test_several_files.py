"""A model whose weights lie in a second file, through download, cache and sandbox into a child."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.sandbox.confinement import start_box
from bitgauge.agents.sandbox.survey import survey
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.manifest import encoded, manifest_of
from bitgauge.benchmarks.raw.container import RawFile, read_raw
from bitgauge.benchmarks.raw.numerics import read_ledger
from bitgauge.benchmarks.raw.quality import quality_samples
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, PassName
from bitgauge.benchmarks.vocabulary.errors import Refused
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import RunReport
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest

from tests.labs.agent import Lab
from tests.labs.sets import WEIGHTS, with_external_data

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

PASSES = (PassName.QUALITY, PassName.NUMERICS)


def manifest(lab: Lab, folder: Path, model: bytes) -> bytes:
    """The manifest of `model` with its weights outside; its files are with the coordinator."""
    path = with_external_data(onnx.load_model_from_string(model), folder)
    entry, weights = (
        lab.coordinator.put(one.read_bytes()) for one in (path, path.parent / WEIGHTS)
    )
    return encoded(manifest_of("onnx", entry, {WEIGHTS: weights}))


@pytest.mark.parametrize("level", ["bwrap", "userns", "rlimits"])
async def test_it_is_a_baseline_like_any_other(lab: Lab, tmp_path: Path, level: str) -> None:
    try:
        await survey(level, start_box(Path("/nowhere/agent"), Path("/nowhere"), ()))
    except Refused as error:
        pytest.skip(f"NOT RUN: {error.sentence}")
    built = tmp_path / "built"
    registry.build(BuildRequest(parse("int8-dynamic"), zoo.models()[0].path, built))
    several = manifest(lab, tmp_path / "mine", zoo.models()[0].path.read_bytes())
    evaluation = zoo.evaluation_path().read_bytes()
    lab.assignment(
        [several, built.read_bytes()], runtime="onnxruntime", evaluation=evaluation, passes=PASSES
    )
    lab.coordinator.cut_reads_after = 1000
    async with lab.agent(sandbox=level):
        reports = await lab.reports(2, timeout_s=60)
    assert [one.failure for one in reports] == [None, None]
    assert {one.sandbox for one in reports} == {level}
    quality = quality_samples(raw_of(lab, reports[1], PassName.QUALITY))
    assert quality.labels is not None
    assert (quality.ref_top1 == quality.labels).mean() > 0.94
    assert (quality.ref_top1 == quality.cand_top1).mean() > 0.97
    for report in reports:
        ledger = read_ledger(raw_of(lab, report, PassName.NUMERICS))
        assert (ledger.why_not, len(ledger.operators)) == ("", 3)
    compared = read_ledger(raw_of(lab, reports[1], PassName.NUMERICS))
    assert any(row.reference_sqnr_db is not None for row in compared.tensors), (
        "with the float model"
    )
    assert not list((lab.folder / "home").rglob("artifacts")), "its folder went with the run"


def raw_of(lab: Lab, report: RunReport, name: PassName) -> RawFile:
    (ref,) = [one for one in report.raw if one.pass_name is name]
    return read_raw(lab.coordinator.blobs[ref.digest.sha256])


async def test_a_bad_manifest_and_a_lost_file_are_one_sentence_each(
    lab: Lab, tmp_path: Path
) -> None:
    model = zoo.models()[0].path.read_bytes()
    outside = encoded(manifest_of("onnx", lab.coordinator.put(model), {})).replace(
        b'"artifact"', b'"../../../a"'
    )
    lost = encoded(manifest_of("onnx", Digest("a" * 64, 5), {}))
    nested = encoded(manifest_of("onnx", lab.coordinator.put(lost), {}))
    evaluation = zoo.evaluation_path().read_bytes()
    lab.assignment(
        [model, outside, lost, nested],
        runtime="onnxruntime",
        evaluation=evaluation,
        passes=(PassName.QUALITY,),
    )
    async with lab.agent():
        first, *rest = await lab.reports(4, timeout_s=60)
    assert first.failure is None
    said = [one.failure.message for one in rest if one.failure is not None]
    assert "which leaves the folder of the model" in said[0]
    assert said[1] == "No such blob."
    assert "lists another manifest" in said[2]
    groups = [one.failure.group for one in rest if one.failure is not None]
    assert groups == [FailureGroup.ARTIFACT, FailureGroup.HARNESS, FailureGroup.ARTIFACT]
