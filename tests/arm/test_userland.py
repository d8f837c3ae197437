"""What the agent says of an emulated ARM board, from inside."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from bitgauge.benchmarks.numerics.kernel_cases import wrap16

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


PRODUCT = """
import functools, json, sys
import numpy as np
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.ort.kernel_models import OPERATORS, Setup
from bitgauge.benchmarks.numerics.kernel_cases import Case
load = functools.partial(ort.tiny, ort.SessionOptions())
a, b = (np.array(one) for one in json.loads(sys.argv[1]))
made = OPERATORS["MatMulInteger"](Setup(Case(a, b), np.int8, np.int8, True))
product = load(made.model, None).run(None, made.feeds(slice(0, len(a))))[0]
print(json.dumps({"product": product.tolist(), "modes": ort.probe_kernels()}))
"""
"""ONNX Runtime's product of two matrices, and what its kernels answer the probe."""


@pytest.mark.parametrize(("cpu", "dot"), [("cortex-a72", False), ("cortex-a76", True)])
def test_products_wrap_around_without_dot_products_as_the_probe_says(
    arm: Userland, cpu: str, dot: bool
) -> None:
    chance = np.random.default_rng(5)
    a, b = (chance.choice([-128, -128, -127, 127], shape) for shape in ((3, 41), (41, 5)))
    told = json.dumps([a.tolist(), b.tolist()])
    found = json.loads(arm.run(cpu, "python3", "-c", PRODUCT, told))
    assert not np.array_equal(wrap16(a, b), a @ b)
    assert np.array_equal(found["product"], a @ b if dot else wrap16(a, b))
    modes = found["modes"]
    assert modes["MatMulInteger.s8s8.const"] == ("exact" if dot else "wrap16")
    assert not {"unknown", "inexact"} & set(modes.values())


def test_the_doctor_says_what_may_be_measured_here(arm: Userland) -> None:
    command = arm.command("cortex-a76", *AGENT, "doctor", "--json", "--home", "/tmp/doctor")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = {one["subject"]: one for one in json.loads(done.stdout)}
    assert done.returncode in (0, 1)
    assert "numerics and quality" in found["device"]["why"]
    assert found["runtimes"]["state"] == "good"
