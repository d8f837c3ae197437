"""The agent as a process of its own: what it holds, how it ends, what it leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from bitgauge.agents.host import process
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.vocabulary.meters import best_meter, why_no_meter
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription

from tests.labs.agent import TOKEN, Lab, fake_artifact, known_kernels, until

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
UNCONFINED = ("--sandbox", "rlimits")  # the artifact leaves a mark outside its folder
MOST_IDLE_BYTES = 60 * 1024**2


@pytest.fixture(autouse=True)
def kernels(lab: Lab) -> Iterator[None]:
    with known_kernels(lab.folder / "home/agent"):
        yield


async def start(lab: Lab, *arguments: str) -> Process:
    tokens = lab.folder / "home" / "tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    (tokens / "agent").write_text(TOKEN)
    address = f"127.0.0.1:{lab.coordinator.port}"
    return await asyncio.create_subprocess_exec(
        *(AGENT, "run", "--coordinator", address, "--home", str(lab.folder / "home")),
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "BITGAUGE_HOME": str(lab.folder / "elsewhere")},
    )


def lives(one: psutil.Process) -> bool:
    try:
        return one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


async def finished(agent: Process) -> tuple[int, str, str]:
    out, err = await agent.communicate()
    assert agent.returncode is not None
    return agent.returncode, out.decode(), err.decode()


async def test_an_idle_agent_is_small_and_quiet(lab: Lab) -> None:
    agent = await start(lab)
    await until(lambda: lab.coordinator.events.count("Acquire") >= 1)
    await asyncio.sleep(1)
    watched = psutil.Process(agent.pid)
    before = watched.cpu_times()
    await asyncio.sleep(4)
    after = watched.cpu_times()
    memory = watched.memory_info().rss
    mapped = {Path(one.path).name for one in watched.memory_maps()}
    agent.terminate()
    code, _, err = await finished(agent)
    print(f"idle agent: {memory / 1e6:.1f} MB")
    assert memory < MOST_IDLE_BYTES
    assert after.user + after.system - before.user - before.system <= 0.05
    heavy = ("multiarray", "onnxruntime", "_rust.")  # numpy, a runtime, cryptography
    assert not [name for name in mapped for part in heavy if part in name]
    assert (code, err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_at_once_with_its_children(lab: Lab, number: int) -> None:
    lab.assignment([fake_artifact(behaviour="hang")])
    agent = await start(lab)
    watched = psutil.Process(agent.pid)
    await until(lambda: watched.children(recursive=True))
    await asyncio.sleep(0.3)
    children = watched.children(recursive=True)
    began = time.monotonic()
    agent.send_signal(number)
    code, out, err = await finished(agent)
    assert time.monotonic() - began < 2
    assert (code, err) == (0, "")
    assert "Stopping" in out.splitlines()[-1]
    assert not any(lives(one) for one in children)
    spool = Spool(lab.folder / "home" / "agent" / "spool")
    assert (spool.intents(), spool.reports()) == ([], [])


@pytest.mark.kill
async def test_a_killed_agent_takes_its_child_with_it_and_goes_on(lab: Lab) -> None:
    once = str(lab.folder / "hung")
    lab.assignment([fake_artifact(), fake_artifact(behaviour="hang", once_file=once)])
    agent = await start(lab, *UNCONFINED)
    watched = psutil.Process(agent.pid)
    await until(lambda: Path(once).exists())
    children = watched.children(recursive=True)
    assert children
    agent.kill()
    await agent.wait()
    await until(lambda: not any(lives(one) for one in children), 1)
    (intent,) = Spool(lab.folder / "home" / "agent" / "spool").intents()
    assert intent.boot_id == process.boot_id()
    assert intent.pid in {one.pid for one in children}

    again = await start(lab, "--once", *UNCONFINED)
    await until(lambda: len(lab.coordinator.registers) == 2)
    assert list(lab.coordinator.registers[1].open_intents) == [intent.run_id]
    lab.assignment([fake_artifact(), fake_artifact(behaviour="hang", once_file=once)])
    code, _, err = await finished(again)
    assert (code, err) == (0, "")
    assert len(lab.coordinator.reports) == 3
    devices = {one.device_id for one in lab.coordinator.devices}
    assert len(devices) == 1


async def test_a_coordinator_that_is_not_there_is_said_once(lab: Lab) -> None:
    await lab.coordinator.stop()
    agent = await start(lab)
    assert agent.stdout is not None
    said = await asyncio.wait_for(agent.stdout.readuntil(b"is away"), 60)
    await asyncio.sleep(1)  # it tries again, several times, and says nothing
    assert agent.returncode is None
    await lab.coordinator.start()
    await until(lambda: lab.coordinator.registers, 15)
    agent.terminate()
    code, out, err = await finished(agent)
    assert (code, err) == (0, "")
    assert (said.decode() + out).count("is away") == 1
    assert out.count("is back") == 1


async def test_a_refused_token_is_one_sentence_and_its_own_exit_code(lab: Lab) -> None:
    wrong = lab.folder / "wrong"
    wrong.write_text("nonsense")
    code, _, err = await finished(await start(lab, "--token-file", str(wrong)))
    assert code == 3
    assert err.startswith("bitgauge-agent: The token is wrong.")
    assert len(err.splitlines()) == 1


async def test_a_missing_token_file_is_one_sentence(lab: Lab) -> None:
    code, _, err = await finished(await start(lab, "--token-file", "/nowhere/token"))
    assert code == 3
    assert "/nowhere/token cannot be read" in err
    assert "Traceback" not in err


async def test_a_second_agent_is_refused_and_names_the_first(lab: Lab) -> None:
    first = await start(lab)
    await until(lambda: lab.coordinator.registers)
    code, _, err = await finished(await start(lab))
    assert code == 3
    assert f"process {first.pid}" in err
    first.terminate()
    await finished(first)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--device", "toaster", "toaster"),
        ("--cache-bytes", "0", "must be positive"),
        ("--coordinator", "nowhere", "is not HOST:PORT"),
    ],
)
async def test_wrong_arguments_are_named(lab: Lab, option: str, value: str, words: str) -> None:
    code, _, err = await finished(await start(lab, option, value))
    assert code in (1, 2)
    assert "Traceback" not in err
    assert words in err


async def test_the_device_is_described_in_text_and_json(lab: Lab) -> None:
    home = ("--home", str(lab.folder / "home"))
    made = [
        await asyncio.create_subprocess_exec(AGENT, "describe", *home, *more, stdout=PIPE)
        for more in ((), ("--json",))
    ]
    text, data = [(await one.communicate())[0] for one in made]
    (device,) = msgspec.json.decode(data, type=list[DeviceDescription])
    assert device.device_id.encode() in text
    meterless = best_meter(device.meters) is None
    assert (f"energy is null ({why_no_meter(device.meters)})".encode() in text) == meterless
    assert device.core_count >= 1
