"""What the agent says of an emulated ARM board, from inside."""

from __future__ import annotations

import json
import subprocess

import pytest

from .userland import Userland

AGENT = ("python3", "-m", "bitgauge.agents.cli")
MOST_INSTALLED_BYTES = 130_000_000
BASE = ("grpc", "google", "numpy", "numpy.libs", "psutil", "msgspec", "cryptography", "tenacity")
"""What `pip install bitgauge` brings beside itself: the base dependencies and what they bring."""
FURTHER = ("cffi", "pycparser", "cffi.libs", "_cffi_backend", "grpcio", "typing_extensions.py")


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


def test_the_agent_fits_a_board(arm: Userland) -> None:
    """The base dependencies as they are installed on aarch64, and this package."""
    site = arm.file("/opt/site")
    names = {*BASE, *FURTHER}
    taken = [one for one in site.iterdir() if one.name.split(".cpython")[0] in names]
    assert {one.name for one in taken} >= {"grpc", "numpy", "cryptography"}
    own = arm.file("/opt/own/bitgauge")
    files = [file for one in (*taken, own) for file in (one, *one.rglob("*")) if file.is_file()]
    total = sum(file.stat().st_size for file in files if file.suffix != ".pyc")
    print(f"agent on aarch64: {total / 1e6:.0f} MB installed")
    assert total < MOST_INSTALLED_BYTES
