"""Real agents of simulated chips: what they measure, and what they keep of what they built."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.devices import qualcomm
from bitgauge.benchmarks.raw.container import RawFile, read_raw
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.quality import quality_samples
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, PassName, Realness, RunStatus
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Overrides
from bitgauge.benchmarks.vocabulary.values.runs import RunReport
from bitgauge.benchmarks.zoo import calibration_path
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest

from tests.labs.agent import Lab, open_lab
from tests.matrix import QUALCOMM, require_ran

from .digits import some

ZOO = calibration_path().parent
WITH_HALVES, WITHOUT = "qualcomm:simulator-sm8550", "qualcomm:simulator-qcm6490"
RECIPE = "int8-static-u8s8-pc"
JOB_S = 240.0


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The baseline, the same in integers, and the same that nobody quantized."""
    path = tmp_path_factory.mktemp("built") / "model.onnx"
    request = BuildRequest(parse(RECIPE), ZOO / "digits-cnn.onnx", path, calibration_path())
    registry.builder_for(request.recipe, ("onnx",))[1].build(request)
    floats = (ZOO / "digits-cnn.onnx").read_bytes()
    return [floats, path.read_bytes(), floats]


def asked(lab: Lab, artifacts: list[bytes], **further: str) -> Assignment:
    given = {"provider": "qnn"} | {f"provider.{name}": value for name, value in further.items()}
    options = tuple(
        StackItem(f"onnxruntime:{name}", value) for name, value in sorted(given.items())
    )
    return lab.assignment(
        artifacts,
        runtime="onnxruntime",
        evaluation=some(lab.folder / "some.npz").read_bytes(),
        overrides=Overrides(session_options=options),
    )


def raws_of(lab: Lab, report: RunReport) -> dict[PassName, RawFile]:
    return {one.pass_name: read_raw(lab.coordinator.blobs[one.digest.sha256]) for one in report.raw}


def told(lab: Lab, report: RunReport) -> list[str]:
    """What the sessions of each raw file were made with, as it says."""
    return [given_of(one).session_options or "" for one in raws_of(lab, report).values()]


async def measured(lab: Lab, job: Assignment, device: str) -> list[RunReport]:
    """What an agent of a device reports of a job, in the order of its entries."""
    before = len(lab.coordinator.reports)
    async with lab.agent(devices=(device,)):
        await lab.reports(before + len(job.entries), timeout_s=JOB_S)
    found = [one for one in lab.coordinator.reports.values() if one.job_id == job.job_id]
    return sorted(found, key=lambda one: one.entry_index)


@pytest.mark.timeout(600)
async def test_a_chip_without_halves_computes_integers_and_refuses_floats(
    tmp_path: Path, artifacts: list[bytes]
) -> None:
    async with open_lab(tmp_path) as lab:
        job = asked(lab, artifacts)
        floats, integers, unquantized = await measured(lab, job, WITHOUT)
        (device,) = {one.device_id: one for one in lab.coordinator.devices}.values()
        assert device.realness is Realness.SIMULATED
        assert device.hardware_class is HardwareClass.MOBILE_QUALCOMM
        require_ran(device, "onnxruntime", QUALCOMM)
        assert floats.failure is integers.failure is None
        assert set(raws_of(lab, integers)) == {PassName.QUALITY, PassName.NUMERICS}
        assert not any("qnn" in one for one in told(lab, floats)), "the reference is not placed"
        samples = quality_samples(raws_of(lab, integers)[PassName.QUALITY])
        assert samples.cand_top1 is not None
        assert 0.97 < (samples.cand_top1 == samples.ref_top1).mean() <= 1.0
        assert unquantized.status is RunStatus.UNSUPPORTED
        assert unquantized.failure is not None
        assert "Conv (5 times)" in unquantized.failure.message
        assert "computes in integers alone" in unquantized.failure.message


@pytest.mark.timeout(600)
async def test_a_provider_that_crashes_its_child_is_named(
    tmp_path: Path, artifacts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a package of the provider's name that children find first."""
    planted = tmp_path / "planted/onnxruntime_qnn"
    planted.mkdir(parents=True)
    (planted / "libQnnHtp.so").touch()
    (planted / "__init__.py").write_text(
        "import os, signal\n"
        f"def get_qnn_htp_path(): return {str(planted / 'libQnnHtp.so')!r}\n"
        "def get_library_path(): os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(planted.parent))
    async with open_lab(tmp_path) as lab:
        floats, integers = await measured(lab, asked(lab, artifacts[:2]), WITHOUT)
    assert floats.failure is None, "the reference has nothing to do with it"
    assert integers.failure is not None
    assert integers.failure.code == "provider_crashed"
    assert "died of SIGSEGV with the artifact on provider qnn" in integers.failure.message
    assert integers.attempts == 2


@pytest.mark.timeout(600)
async def test_what_was_built_is_kept_until_the_stack_changes(
    tmp_path: Path, artifacts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two entries of one file only the first builds it; half precision is another program."""
    async with open_lab(tmp_path) as lab:
        built = []
        for version in ("2.7.0", "2.7.0", "2.8.0"):
            # What the device says of itself alone; its children load what is installed.
            monkeypatch.setattr(qualcomm, "_simulator", lambda found=version: f"htp {found}")
            job = asked(lab, [artifacts[0], artifacts[1]])
            _, integers = await measured(lab, job, WITH_HALVES)
            assert integers.failure is None
            built.append([one.count("program built=now") for one in told(lab, integers)])
        assert built == [[1, 0], [0, 0], [1, 0]]
        job = asked(lab, [artifacts[0], artifacts[1], artifacts[2]], precision="fp16")
        _, integers, halves = await measured(lab, job, WITH_HALVES)
        assert halves.failure is None, halves.failure
        for one in (integers, halves):
            assert any("program built=now" in text for text in told(lab, one))
        assert any("placed=" in text for text in told(lab, halves))
