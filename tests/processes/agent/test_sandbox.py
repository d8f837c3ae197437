"""Levels, their choice, control groups and the handling of what a child leaves."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest
from bitgauge.agents.execution.failures import failure_of
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.agents.launcher.supervision import ended_by, is_result
from bitgauge.agents.registry import describe
from bitgauge.agents.sandbox import cgroup, confinement
from bitgauge.agents.sandbox import survey as surveys
from bitgauge.agents.sandbox.confinement import (
    Confinement,
    is_loopback,
    memory_limit,
    refuse_strangers,
)
from bitgauge.agents.sandbox.survey import survey
from bitgauge.agents.worker.worker import code_of
from bitgauge.benchmarks.common.files import remove_tree
from bitgauge.benchmarks.sandbox.base import Box, Level, levels, runtime_trees
from bitgauge.benchmarks.sandbox.found import in_words
from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.runs import MAX_RAW_FILE_BYTES

from tests.labs.agent import PLUGINS

OUR_CODE = (Path(confinement.__file__).parents[1],)
BOX = Box(Path("/state/agent/work"), (), (Path("/usr"),), (), (Path("/state"),))


def level(name: str, rank: int, why: str | None) -> Level:
    return cast(
        Level,
        SimpleNamespace(
            NAME=name,
            RANK=rank,
            OWN_PROCESS_IDS=True,
            missing=lambda box: why,
            wrap=lambda box, command: tuple(command),
        ),
    )


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    made = (level("strong", 9, "it is not installed."), level("weak", 5, None), level("no", 0, "."))
    monkeypatch.setattr(surveys, "levels", lambda: {one.NAME: one for one in made})

    async def tried(one: Level, box: Box) -> None:
        return None

    monkeypatch.setattr(surveys, "_tried", tried)


async def test_the_strongest_that_works_is_taken_and_the_others_are_explained(three: None) -> None:
    found = await survey("auto", BOX)
    assert found.level.NAME == "weak"
    assert in_words(found) == "weak (strong: it is not installed)"


async def test_a_wanted_level_that_does_not_work_is_refused_in_a_sentence(three: None) -> None:
    with pytest.raises(Refused, match="strong does not work here: it is not installed") as caught:
        await survey("strong", BOX)
    assert caught.value.code is Code.SANDBOX_UNAVAILABLE
    with pytest.raises(Refused, match="no sandbox level 'jail'; there are: strong, weak, no"):
        await survey("jail", BOX)


async def test_a_level_that_lets_a_child_read_secrets_is_not_taken() -> None:
    open_door = level("open", 1, None)
    said = await surveys._try(open_door, replace(BOX, trees=runtime_trees(OUR_CODE)))
    assert said == "a child under it said: it could read a file that is not its own."


async def test_a_level_that_starts_nothing_is_not_taken() -> None:
    broken = level("broken", 1, None)
    broken.wrap = lambda box, command: ("/bin/sh", "-c", "echo no such thing >&2; exit 3")  # type: ignore[method-assign]
    assert await surveys._try(broken, BOX) == "a child under it said: no such thing."


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("127.0.0.1:50950", True),
        ("localhost:1", True),
        ("[::1]:50950", True),
        ("127.9.9.9:1", True),
        ("10.0.0.1:50950", False),
        ("lab.example:50950", False),
        ("[2001:db8::1]:1", False),
        ("localhost.example:1", False),
    ],
)
def test_without_a_sandbox_only_the_owners_artifacts_run(address: str, here: bool) -> None:
    assert is_loopback(address) is here
    none, some = levels()["rlimits"], levels()["bwrap"]
    refuse_strangers(some, address, allowed=False)
    refuse_strangers(none, address, allowed=True)
    if here:
        refuse_strangers(none, address, allowed=False)
    else:
        with pytest.raises(Refused, match="another machine") as caught:
            refuse_strangers(none, address, allowed=False)
        assert "--allow-unsandboxed" in caught.value.advice


def test_a_gpu_gets_its_nodes_and_no_address_limit(tmp_path: Path) -> None:
    plain = Confinement(levels()["rlimits"], memory_bytes=1 << 30)
    described = replace(
        describe("fake", name="gpu", identity="d", folders=()),
        hardware_class=HardwareClass.GPU_NVIDIA,
    )
    gpu = plain.of(described, lambda: tuple(sorted(tmp_path.glob("nvidia*"))))
    assert gpu.box(tmp_path, ()).devices == ()
    for name in ("nvidia0", "nvidiactl", "null", "sda"):  # a driver may come later
        (tmp_path / name).touch()
    assert [path.name for path in gpu.box(tmp_path, ()).devices] == ["nvidia0", "nvidiactl"]
    assert plain.box(tmp_path, ()).devices == ()
    grouped = replace(plain, groups=cgroup.Parents(tmp_path, tmp_path))
    assert plain.rlimits(2)[0] > 1 << 30
    assert gpu.rlimits(2)[0] == 0
    assert grouped.rlimits(2) == (0, 0)


def test_the_limit_on_processes_counts_what_the_user_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Confinement(levels()["rlimits"], memory_bytes=1 << 30)
    monkeypatch.setattr(confinement, "_threads_of_user", lambda: 100)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert plain.rlimits(1)[1] == confinement.PROCESSES + 100
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert plain.rlimits(1)[1] == 0


def test_the_agent_and_the_system_keep_some_memory() -> None:
    assert memory_limit(1 << 30) == (1 << 30) - (1 << 27)
    assert memory_limit(64 << 30) == (64 << 30) - (1 << 29)


@pytest.mark.parametrize(
    ("code", "relayed", "ended"),
    [
        (0, True, (0, 0)),
        (1, True, (0, 1)),
        (139, True, (11, 0)),
        (137, True, (9, 0)),
        (139, False, (0, 139)),
        (-9, True, (9, 0)),
        (-11, False, (11, 0)),
        (255, True, (0, 255)),
        (128, True, (0, 128)),
    ],
)
def test_a_signal_is_known_through_the_sandbox(
    code: int, relayed: bool, ended: tuple[int, int]
) -> None:
    assert ended_by(code, relayed) == ended


def test_only_a_plain_file_of_the_childs_own_is_a_result(tmp_path: Path) -> None:
    secret, plain = tmp_path / "secret", tmp_path / "plain"
    secret.write_text("x")
    plain.write_text("x")
    (tmp_path / "soft").symlink_to(secret)
    os.link(secret, tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_RAW_FILE_BYTES + 1)
    good = [path.name for path in tmp_path.iterdir() if is_result(path)]
    assert good == ["plain"]
    assert not is_result(tmp_path / "nothing")


def test_what_a_child_says_of_itself_is_not_believed_blindly() -> None:
    ended = ChildExit(done=False, code="x" * 60_000, message="\x1b[2J" + "y" * 60_000)
    failure = failure_of(ended, "pass pair, launch 0")
    assert failure.code == "internal"
    assert len(failure.message) < 2_200
    assert "\x1b" not in failure.message


def test_a_bomb_that_then_hangs_is_called_a_bomb() -> None:
    ended = ChildExit(done=False, timed_out=3.0, forks_refused=True)
    assert failure_of(ended, "x").code == "process_limit"


@pytest.mark.parametrize(
    ("error", "phase", "code"),
    [
        (PermissionError(1, "x"), "load", Code.SANDBOX_DENIED),
        (FileNotFoundError(2, "x"), "measure", Code.SANDBOX_DENIED),
        (FileNotFoundError(2, "x"), "write", Code.INTERNAL),
        (OSError(28, "x"), "write", Code.DISK_FULL),
        (OSError(27, "x"), "measure", Code.FILE_LIMIT),
        (BlockingIOError(11, "x"), "load", Code.PROCESS_LIMIT),
        (OSError(5, "x"), "measure", Code.INTERNAL),
    ],
)
def test_the_systems_refusals_have_names(error: OSError, phase: str, code: Code) -> None:
    assert code_of(error, phase) is code


def test_litter_is_removed_however_deep(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    descriptor = os.open(top, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    outside = tmp_path / "outside"
    outside.write_text("stays")
    (top / "link").symlink_to(outside)
    (top / "d").chmod(0)
    assert remove_tree(top)
    assert remove_tree(top)
    assert outside.read_text() == "stays"


# Control groups: on trees as the kernel shows them, and on this machine where it has them.


def constructed(root: Path, own: str, processes: str, enabled: str) -> Path:
    """A version 2 tree after cgroup-v2.rst of the kernel's documentation."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(f"0::/{own}\n")
    (root / "proc/self/mountinfo").write_text(
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    )
    group = root / "sys/fs/cgroup" / own
    group.mkdir(parents=True)
    (group / "cgroup.controllers").write_text("cpu memory pids\n")
    (group / "cgroup.subtree_control").write_text(enabled)
    (group / "cgroup.procs").write_text(processes)
    return group


def test_a_delegated_group_is_used_and_the_agent_moves_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = constructed(tmp_path, "system.slice/bitgauge-agent.service", f"{os.getpid()}\n", "")
    monkeypatch.setattr(cgroup, "_usable", lambda parent: True)  # the kernel fills new groups
    assert cgroup.find(tmp_path) == cgroup.Parents(group, group)
    assert (group / "bitgauge-agent/cgroup.procs").read_text() == str(os.getpid())
    assert (group / "cgroup.subtree_control").read_text() == "+memory +pids"


@pytest.mark.parametrize("processes", [f"1\n{os.getpid()}\n", "1\n"])
def test_a_group_with_strangers_in_it_is_left_alone(tmp_path: Path, processes: str) -> None:
    group = constructed(tmp_path, "user.slice/session-1.scope", processes, "")
    assert cgroup.find(tmp_path) == cgroup.Parents(None, None)
    assert {path.name for path in group.iterdir()} == {
        "cgroup.controllers",
        "cgroup.subtree_control",
        "cgroup.procs",
    }


def test_no_control_groups_at_all(tmp_path: Path) -> None:
    assert cgroup.find(tmp_path) == cgroup.Parents(None, None)
    assert cgroup.ControlGroup(()).enter == ()
    assert cgroup.ControlGroup(()).close()


@pytest.fixture
def parents() -> cgroup.Parents:
    found = cgroup.find()
    if not found.pids:
        pytest.skip("NOT RUN: this user may make no pids control group here")
    return found


def test_a_group_counts_refused_forks_and_ends_everybody(parents: cgroup.Parents) -> None:
    group = parents.open(256 << 20, 3)
    script = "sleep 60 & sleep 60 & sleep 60 & sleep 60 & wait"
    child = subprocess.Popen([*group.enter, "/bin/sh", "-c", script], stderr=subprocess.DEVNULL)
    try:
        child.wait(20)  # the shell gives up at the first fork that is refused
        assert group.evidence().forks_refused
        assert not group.evidence().out_of_memory
    finally:
        assert group.close()
    assert not any(folder.exists() for folder in group.folders)


def test_groups_of_dead_agents_are_ended(parents: cgroup.Parents) -> None:
    assert parents.pids
    here = os.stat("/proc/self/ns/pid").st_ino
    # Another start time: not this process.
    stale = parents.pids / f"bitgauge-child-{here}-{os.getpid()}-1-0"
    stale.mkdir()
    mine = parents.open(256 << 20, 10)
    left = subprocess.Popen([*cgroup.ControlGroup((stale,)).enter, "sleep", "60"])
    try:
        while not (stale / "cgroup.procs").read_text():
            assert left.poll() is None
        parents.end_leftovers()
        assert left.wait(10) == -signal.SIGKILL
        assert not stale.exists()
        assert all(folder.exists() for folder in mine.folders)
    finally:
        left.kill()
        left.wait()
        mine.close()


def test_groups_of_another_namespace_are_left_alone_until_they_are_old(
    parents: cgroup.Parents, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parents.pids
    elsewhere = parents.pids / f"bitgauge-child-1-{os.getpid()}-1-0"
    elsewhere.mkdir()
    command = [*cgroup.ControlGroup((elsewhere,)).enter, "sleep", "60"]
    living = subprocess.Popen(command)
    try:
        while not (elsewhere / "cgroup.procs").read_text():
            assert living.poll() is None
        monkeypatch.setattr(cgroup, "_LONG_S", -1.0)
        parents.end_leftovers()
        assert living.poll() is None
    finally:
        living.kill()
        living.wait()
    monkeypatch.undo()
    parents.end_leftovers()
    assert elsewhere.exists()  # a living agent may have made it this moment
    monkeypatch.setattr(cgroup, "_LONG_S", -1.0)
    parents.end_leftovers()
    assert not elsewhere.exists()


def test_an_agent_ends_orphans_and_spares_what_it_started_itself() -> None:
    marker = f"runaway-{secrets.token_hex(8)}"
    hostile = str(PLUGINS / "runtimes/hostile.py")
    script = (
        "import psutil, runpy, subprocess\n"
        "from bitgauge.agents.host import process\n"
        "from bitgauge.benchmarks.common import prctl\n"
        "prctl.adopt_orphans()\n"
        "spared = subprocess.Popen(['sleep', '60'], env=process.marked_own())\n"
        f"runpy.run_path({hostile!r})['runaway']({marker!r}, 0)\n"
        "assert len(psutil.Process().children()) > 1\n"
        "assert process.end_orphans(0)\n"
        "assert [one.pid for one in psutil.Process().children()] == [spared.pid]\n"
        "spared.kill()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert not [one for one in psutil.process_iter() if marker in " ".join(words(one))]


def words(one: Any) -> list[str]:
    try:
        return cast("list[str]", one.cmdline())
    except psutil.Error:
        return []
