"""What the agent says of an emulated ARM board, from inside."""

from __future__ import annotations

import json
import subprocess

import pytest

from .boards import AGENT
from .userland import Userland


@pytest.mark.parametrize(("cpu", "dot"), [("cortex-a72", False), ("cortex-a76", True)])
def test_it_is_an_emulated_board_with_the_features_of_its_core(
    arm: Userland, cpu: str, dot: bool
) -> None:
    (told,) = json.loads(arm.run(cpu, *AGENT, "describe", "--json", "--home", "/tmp/described"))
    assert (told["hardware_class"], told["realness"]) == ("edge_arm", "emulated")
    assert (told["architecture"], told["virtualisation"]) == ("aarch64", "qemu-user")
    assert cpu.removeprefix("cortex-").upper() in told["processor_model"]
    assert ("asimddp" in told["isa_flags"]) is dot
    assert {one["name"] for one in told["runtimes"]} >= {"onnxruntime", "litert"}


def test_the_doctor_says_what_may_be_measured_here(arm: Userland) -> None:
    command = arm.command("cortex-a76", *AGENT, "doctor", "--json", "--home", "/tmp/doctor")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = {one["subject"]: one for one in json.loads(done.stdout)}
    assert done.returncode in (0, 1)
    assert "numerics and quality" in found["device"]["why"]
    assert found["runtimes"]["state"] == "good"
