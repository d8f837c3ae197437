"""Chips of Qualcomm: a board's own, from files as the kernel's documents describe, or simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.devices import qualcomm
from bitgauge.agents.host.qualcomm import SOCS, soc_named, soc_numbered
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.errors import NotFound
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, RuntimeOption

from tests.labs.trees import put


def board(root: Path, compatible: str, machine: str = "") -> Path:
    """Of `Documentation/ABI/testing/sysfs-devices-soc` and `sysfs-class-remoteproc`."""
    put(root, "proc/device-tree/compatible", compatible)
    if machine:
        put(root, "sys/devices/soc0/machine", f"{machine}\n")
    put(root, "sys/class/remoteproc/remoteproc1/name", "cdsp\n")
    put(root, "sys/class/remoteproc/remoteproc1/firmware", "qcom/qcs6490/cdsp.mbn\n")
    put(root, "dev/fastrpc-cdsp", "")
    return root


def told(root: Path) -> dict[str, str]:
    return {one.name: one.value for one in qualcomm.describe(root=root).stack}


@pytest.mark.parametrize(
    ("compatible", "machine", "soc", "model", "htp"),
    [
        ("radxa,dragon-q6a\0qcom,qcm6490\0", "QCS6490", "QCM6490", "93", "v68"),
        ("qcom,sm8550-hdk\0qcom,sm8550\0", "", "SM8550", "43", "v73"),
        ("mine,board\0qcom,sm9999\0", "SM9999", "SM9999", None, None),
    ],
)
def test_a_board_says_its_chip_and_what_that_computes_with(
    tmp_path: Path, compatible: str, machine: str, soc: str, model: str | None, htp: str | None
) -> None:
    root = board(tmp_path, compatible, machine)
    assert [one.key for one in qualcomm.probe(root=root, machine="aarch64")] == [qualcomm.OWN]
    facts, stack = qualcomm.describe(root=root), told(root)
    assert facts.hardware_class is HardwareClass.MOBILE_QUALCOMM
    assert facts.realness is not Realness.SIMULATED
    assert facts.processor_model.startswith("Qualcomm ")
    assert stack["qualcomm.soc"] == soc
    assert (stack.get("qualcomm.soc_model"), stack.get("qualcomm.htp_architecture")) == (model, htp)
    assert stack["qualcomm.firmware"] == "qcom/qcs6490/cdsp.mbn"
    assert "qualcomm.simulator" not in stack
    assert qualcomm.nodes(root=root) == (root / "dev/fastrpc-cdsp",)


def test_what_is_simulated_says_so_and_is_there_with_its_package_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for found, machine in ((None, "x86_64"), ("htp 2.7.0", "aarch64")):
        monkeypatch.setattr(qualcomm, "_simulator", lambda known=found: known)
        assert qualcomm.probe(root=tmp_path, machine=machine) == ()
    monkeypatch.undo()
    put(tmp_path, "onnxruntime_htp/libQnnHtp.so", "")  # nobody's package
    put(tmp_path, "numpy/libQnnHtp.so", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert qualcomm._simulator() == f"numpy {np.__version__}"
    monkeypatch.undo()
    monkeypatch.setattr(qualcomm, "_simulator", lambda: "htp 2.7.0")
    units = qualcomm.probe(root=tmp_path, machine="x86_64")
    assert len(units) == len(SOCS)
    for unit in units:
        facts = qualcomm.describe(unit.key, root=tmp_path)
        assert facts.realness is Realness.SIMULATED
        assert facts.virtualisation == "HTP simulator of htp 2.7.0"
        assert "(simulated)" in facts.processor_model
        assert qualcomm.nodes(unit.key) == ()
    placing = RuntimeDescription("one", "1", options=(RuntimeOption("provider", ("qnn",)),))
    installed = (placing, RuntimeDescription("other", "1"))
    assert qualcomm.offers(units[0].key, installed) == (placing,)
    assert qualcomm.offers(qualcomm.OWN, installed) == installed
    for unknown in ("simulator-sm1", "sm8550", ""):
        with pytest.raises(NotFound):
            qualcomm.describe(unknown, root=tmp_path)


def test_chips_are_told_apart_by_name_and_number() -> None:
    names = [name for one in SOCS for name in (one.name, *one.also)]
    assert len(set(names)) == len(names)
    for one in SOCS:
        assert soc_named(one.name.lower()) == soc_numbered(str(one.model)) == one
    assert soc_named("") is soc_numbered("") is None
