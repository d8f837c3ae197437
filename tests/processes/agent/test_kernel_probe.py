"""The saturation probe at the start of an agent: when it runs, what is kept, what it survives.

The runtime is a plug-in whose probe does what a file beside it says, and counts itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, RuntimeDescription

from tests.labs.agent import TOKEN, Lab, known_kernels, until

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
RUNTIME = '''
"""A runtime whose probe does what is asked of it, at sandbox level rlimits."""

import json
import os
import signal
import time
from pathlib import Path

from bitgauge.agents.runtimes.base import Traits
from bitgauge.agents.runtimes.fake import empty_artifact, load, prepare
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

NAME = "probed"
RANK = 90
HINT = "it is a test's own"
HERE = Path(__file__).parent


def _asked():
    return json.loads((HERE / "asked.json").read_text())


def probe():
    return RuntimeDescription(name=NAME, version=_asked()["version"], simulated=True)


def probe_kernels():
    asked = _asked()
    if asked["count"]:
        with open(HERE / "count", "a") as file:
            file.write(f"{os.getpid()}\\n")
    act = asked["act"]
    if act == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif act == "hang":
        time.sleep(600)
    return asked["modes"]


TRAITS = Traits(("fake",), kernels=probe_kernels)
'''
SAT16 = {"QLinearMatMul.u8s8.const": "sat16", "QLinearMatMul.u8u8.const": "exact"}


class Plugged:
    """The plug-in's folder, and agents that use it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.folder = lab.folder / "plug"
        self.runtimes = self.folder / "runtimes"
        self.runtimes.mkdir(parents=True)
        (self.runtimes / "probed.py").write_text(RUNTIME)
        lab.plugins = (self.folder,)
        self.agents: list[Process] = []
        self.ask()

    def ask(self, **changes: object) -> None:
        """What the plug-in does from now on."""
        asked = {"version": "1", "act": "ok", "modes": SAT16, "count": True} | changes
        (self.runtimes / "asked.json").write_text(json.dumps(asked))

    @property
    def probes(self) -> list[int]:
        path = self.runtimes / "count"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    async def start(self, *arguments: str, home: str = "home") -> Process:
        folder = self.lab.folder / home
        (folder / "tokens").mkdir(parents=True, exist_ok=True)
        (folder / "tokens" / "agent").write_text(TOKEN)
        address = f"127.0.0.1:{self.lab.coordinator.port}"
        agent = await asyncio.create_subprocess_exec(
            *(AGENT, "run", "--coordinator", address, "--home", str(folder), *arguments),
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, "BITGAUGE_PLUGIN_PATH": str(self.folder)},
        )
        self.agents.append(agent)
        return agent

    async def registered(self, *, sandbox: str = "rlimits", home: str = "home") -> Enrolled:
        """Starts an agent, waits until it has registered, and stops it."""
        known = len(self.lab.coordinator.devices)
        began = time.monotonic()
        agent = await self.start("--sandbox", sandbox, home=home)
        await until(lambda: len(self.lab.coordinator.devices) > known or agent.returncode, 60)
        took_s = time.monotonic() - began
        agent.terminate()
        said, _ = await agent.communicate()
        assert agent.returncode == 0, said.decode()
        assert b"Traceback" not in said
        return Enrolled(self.lab.coordinator.devices[-1], said.decode().splitlines(), took_s)


class Enrolled:
    def __init__(self, device: DeviceDescription, said: list[str], took_s: float) -> None:
        self.device = device
        self.said = said
        self.took_s = took_s

    def runtime(self, name: str = "probed") -> RuntimeDescription:
        (found,) = (one for one in self.device.runtimes if one.name == name)
        return found

    def modes(self, name: str = "probed") -> dict[str, str]:
        return {item.name: item.value for item in self.runtime(name).kernel_modes}

    def complaints(self) -> list[str]:
        return [line for line in self.said if "not probed" in line]


@pytest.fixture
async def plugged(tmp_path: Path) -> AsyncIterator[Plugged]:
    lab = Lab(tmp_path)
    await lab.coordinator.start()
    made = Plugged(lab)
    with known_kernels(lab.folder / "home/agent"):
        yield made
    for agent in made.agents:
        if agent.returncode is None:
            agent.kill()
            await agent.wait()
    await lab.coordinator.stop()


async def test_two_starts_probe_once_and_a_changed_stack_probes_again(plugged: Plugged) -> None:
    first = await plugged.registered()
    assert first.modes() == SAT16
    again = await plugged.registered()
    assert len(plugged.probes) == 1
    assert again.runtime() == first.runtime()
    assert again.complaints() == []

    plugged.ask(version="2", modes=dict.fromkeys(SAT16, "exact"))
    upgraded = await plugged.registered()
    assert len(plugged.probes) == 2
    assert set(upgraded.modes().values()) == {"exact"}

    # A downgrade is a change like any other: the map of the newer version must not be used.
    plugged.ask(version="1")
    back = await plugged.registered()
    assert back.modes() == SAT16
    assert back.runtime().fingerprint == first.runtime().fingerprint


async def test_a_probe_that_fails_costs_the_map_and_one_sentence(plugged: Plugged) -> None:
    """How else it may fail, and what it may say, is `test_probing`'s matter."""
    plugged.ask(act="crash")
    failed = await plugged.registered()
    assert failed.modes() == {}
    assert failed.runtime().fingerprint
    (complaint,) = failed.complaints()
    assert "probed" in complaint
    assert "its child was ended by SIGSEGV and wrote no map." in complaint

    plugged.ask()  # what failed is asked again at the next start
    mended = await plugged.registered()
    assert mended.modes() == SAT16
    assert mended.runtime().fingerprint != failed.runtime().fingerprint


async def test_registering_again_after_an_outage_probes_nothing(plugged: Plugged) -> None:
    coordinator = plugged.lab.coordinator
    agent = await plugged.start("--sandbox", "rlimits")
    await until(lambda: "Acquire" in coordinator.events)
    for count in (2, 3):
        await coordinator.stop()
        await asyncio.sleep(0.3)
        await coordinator.start()
        await until(lambda count=count: len(coordinator.registers) >= count, 30)  # type: ignore[misc]
    assert len(plugged.probes) == 1
    one, *others = coordinator.devices
    assert all(other == one for other in others)
    agent.terminate()
    await agent.communicate()


@pytest.mark.kill
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_an_agent_that_ends_while_it_probes_leaves_nothing(
    plugged: Plugged, number: int
) -> None:
    plugged.ask(act="hang")
    agent = await plugged.start("--sandbox", "rlimits")
    await until(lambda: plugged.probes)
    began = time.monotonic()
    agent.send_signal(number)
    await agent.communicate()
    assert time.monotonic() - began < 3
    (pid,) = plugged.probes
    await until(lambda: not psutil.pid_exists(pid), 5)
    plugged.ask()
    assert (await plugged.registered()).modes() == SAT16
    left = [path.name for path in (plugged.lab.folder / "home" / "agent").glob("probe-*")]
    assert left == []


async def test_the_probe_is_confined_and_finds_the_kernels_of_onnx_runtime(
    plugged: Plugged,
) -> None:
    """At the strongest level that works here; the second start asks nothing and is quick."""
    plugged.ask(count=False)
    shutil.rmtree(plugged.lab.folder / "home/agent/kernels/onnxruntime", ignore_errors=True)
    first = await plugged.registered(sandbox="auto")
    modes = first.modes("onnxruntime")
    assert first.complaints() == []
    assert {"QLinearMatMul.u8s8.const", "MatMulInteger.u8s8.dynamic"} <= modes.keys()
    assert modes["QLinearMatMul.u8s8.const"] in ("exact", "sat16")
    assert modes["QLinearMatMul.u8u8.const"] == "exact"
    assert first.modes() == SAT16
    again = await plugged.registered(sandbox="auto")
    assert again.modes("onnxruntime") == modes
    print(f"first start {first.took_s:.2f} s, second {again.took_s:.2f} s")
    assert again.took_s < first.took_s
