"""A real agent process: its death ends the whole sandbox, its command line chooses the level."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from bitgauge.agents.sandbox.confinement import find_confinement
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.vocabulary.errors import Refused
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment

from tests.labs.agent import Lab, fake_artifact, open_lab, until
from tests.processes.agent.test_process import finished, lives, start

from .corpus import EVERY
from .test_hostile import require


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path) as made:
        yield made


def hang(lab: Lab) -> Assignment:
    return lab.assignment([fake_artifact(behaviour="hang")])


async def hanging(agent: psutil.Process) -> list[psutil.Process]:
    """The sandbox and the child in it, once the child hangs, deaf to SIGTERM."""

    def deaf() -> bool:
        return any(_ignores_sigterm(one) for one in agent.children(recursive=True))

    await until(deaf)
    return agent.children(recursive=True)


def _ignores_sigterm(one: psutil.Process) -> bool:
    try:
        lines = Path(f"/proc/{one.pid}/status").read_text("ascii").splitlines()
    except OSError:
        return False
    ignored = next((int(line.split()[1], 16) for line in lines if line.startswith("SigIgn")), 0)
    return bool(ignored & 1 << 14)


@pytest.mark.kill
@pytest.mark.parametrize("level", EVERY)
async def test_the_whole_sandbox_dies_with_a_killed_agent(lab: Lab, level: str) -> None:
    await require(level)
    hang(lab)
    agent = await start(lab, "--sandbox", level)
    tree = await hanging(psutil.Process(agent.pid))
    assert len(tree) >= (1 if level == "rlimits" else 3)
    agent.kill()
    await agent.wait()
    await until(lambda: not any(lives(one) for one in tree), 2)
    (intent,) = Spool(lab.folder / "home" / "agent" / "spool").intents()
    assert intent.pid in {one.pid for one in tree}

    again = await start(lab, "--once", "--sandbox", level)
    await until(lambda: len(lab.coordinator.registers) == 2)
    assert lab.coordinator.registers[1].leftovers_dead
    lab.assignment([fake_artifact()])
    code, out, err = await finished(again)
    assert (code, err) == (0, "")
    assert f"Sandbox: {level}" in out
    assert [one.sandbox for one in lab.coordinator.reports.values()] == [level]


@pytest.mark.kill
@pytest.mark.parametrize("level", ["bwrap", "userns"])
async def test_a_killed_sandbox_is_a_killed_child(lab: Lab, level: str) -> None:
    """Whoever ends the outermost process ends all, and the agent calls it what it is."""
    await require(level)
    hang(lab)
    agent = await start(lab, "--once", "--sandbox", level)
    watched = psutil.Process(agent.pid)
    tree = await hanging(watched)
    (outermost,) = watched.children()
    outermost.kill()
    code, _, _ = await finished(agent)
    assert code == 0
    (report,) = lab.coordinator.reports.values()
    assert report.failure is not None
    assert (report.failure.group.value, report.failure.code) == ("environment", "killed")
    assert not any(lives(one) for one in tree)


async def test_a_level_that_does_not_work_ends_the_agent_with_a_sentence(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    code, _, err = await finished(await start(lab, "--sandbox", "bwrap"))
    assert code == 3
    assert "The sandbox level bwrap does not work here: bubblewrap is not installed" in err
    assert "Traceback" not in err


async def test_strangers_artifacts_need_a_sandbox_or_a_word(lab: Lab, tmp_path: Path) -> None:
    config = lab.config(coordinator="192.0.2.1:50950", sandbox="rlimits")
    with pytest.raises(Refused, match=r"192\.0\.2\.1:50950 is on another machine"):
        await find_confinement(config, lab.said.append)
    allowed = replace(config, allow_unsandboxed=True)
    assert (await find_confinement(allowed, lab.said.append)).level.NAME == "rlimits"
    assert lab.said[-1].startswith("Sandbox: rlimits; ")
