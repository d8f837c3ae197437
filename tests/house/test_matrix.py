"""The README says of each device kind and runtime how it ran, as the suites that run it say."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from bitgauge.agents import registry
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness

from tests import matrix
from tests.matrix import CONTRACT, CPU, KINDS, RAN, Ran, markdown, require_ran, said

from .test_readme import README
from .test_stamps import MAKEFILE
from .tree import ROOT

RUNTIMES = [*registry.find("runtimes", ()).modules]
RUNTIMES.remove("fake")


def test_the_readme_has_this_table() -> None:
    assert markdown(RUNTIMES) in README.read_text(), markdown(RUNTIMES)


@pytest.mark.parametrize("ran", RAN, ids=lambda ran: f"{ran.suite} {ran.kind}")
def test_what_is_said_to_run_is_run(ran: Ran) -> None:
    assert ran.kind in KINDS
    assert set(ran.runtimes.split()) <= set(RUNTIMES)
    text = (ROOT / ran.suite).read_text()
    assert "require_ran(" in text or "lab.reports(" in text, "it looks at what it ran"
    rooms = [word for word in MAKEFILE.split() if word.startswith("tests/")]
    assert any(ran.suite.startswith(room) for room in rooms), "a target runs it"


def test_what_is_not_in_the_table_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    physical = SimpleNamespace(hardware_class=HardwareClass.CPU_ONLY, realness=Realness.PHYSICAL)
    require_ran(physical, "onnxruntime")
    for realness, runtime in ((Realness.SIMULATED, "onnxruntime"), (Realness.EMULATED, "torch")):
        device = SimpleNamespace(hardware_class=HardwareClass.CPU_ONLY, realness=realness)
        with pytest.raises(AssertionError, match=r"add to tests/matrix\.py"):
            require_ran(device, runtime)
    assert said(CPU, "torch") == "virtual machine"
    assert said("NVIDIA GPU", "openvino") == "never run"
    looked_at = Ran(
        "tests/contracts/test_runtime.py", CPU, Realness.SIMULATED, "openvino", CONTRACT
    )
    monkeypatch.setattr(matrix, "RAN", (looked_at,))
    assert said(CPU, "openvino") == "simulated (contract alone)"
