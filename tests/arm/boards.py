"""Agents on emulated processors, beside a coordinator of this machine."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes.conftest import Up, environment

from .userland import Userland

REGISTER_S = 240.0
STOP_S = 30.0
ARGUMENTS = ("run", "--sandbox", "rlimits")
AGENT = ("python3", "-m", "bitgauge.agents.cli")
HASWELL = "Haswell"


@dataclass
class Board:
    """An agent on a processor of its own.

    Attributes:
        name: of its device.
        command: how it is started; at each start it goes on in its folder.
        up: its coordinator.
        log: where what it prints is added.
    """

    name: str
    command: list[str]
    up: Up
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def switch_on(self) -> None:
        """Start it, and wait until it has registered.

        It is started again when it ends, as a service manager does: where nothing takes as long as
        a board's boot, the agent before still counts as alive and its seat as taken.
        """
        began, until = time.time_ns(), time.monotonic() + REGISTER_S
        with self.up.client() as client:
            while not any(
                one.description.name == self.name and one.agent and one.agent.since_unix_ns >= began
                for one in client.devices()
            ):
                if self.process is None or self.process.poll() is not None:
                    self._start()
                assert time.monotonic() < until, self.log.read_text()[-2000:]
                time.sleep(0.5)

    def _start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment(self.log.parent),
                start_new_session=True,
            )

    def lose_power(self) -> None:
        """End everything on it at once: with the first process of its namespace go all others."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def switch_off(self) -> None:
        """End it as a service manager does."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.lose_power()


@contextlib.contextmanager
def arm_board(
    arm: Userland,
    up: Up,
    cpu: str,
    folder: Path,
    *,
    name: str = "",
    program: tuple[str, ...] = AGENT,
) -> Iterator[Board]:
    """An agent in the aarch64 userland.

    Args:
        arm: the userland.
        up: the coordinator.
        cpu: as QEMU names it.
        folder: where its log is put.
        name: of the device; that of its processor where none is given.
        program: what runs the agent there.
    """
    name = name or cpu
    home = f"/tmp/{folder.name}-{name}"
    tokens = arm.file(home) / "tokens"
    shutil.rmtree(tokens.parent, ignore_errors=True)
    told = (*ARGUMENTS, "--coordinator", up.address, "--home", home, "--name", name)
    # Probed once in a session: what the kernels of a processor do is kept by its stack.
    known, kernels = folder.parent / f"kernels-{cpu}", tokens.parent / "agent/kernels"
    if known.exists():
        shutil.copytree(known, kernels)
    try:
        with served(arm.command(cpu, *program, *told), up, name, folder, tokens) as board:
            yield board
    finally:
        if kernels.exists():
            shutil.copytree(kernels, known, dirs_exist_ok=True)
        shutil.rmtree(tokens.parent, ignore_errors=True)


@contextlib.contextmanager
def haswell_board(up: Up, folder: Path) -> Iterator[Board]:
    """An agent, and all its children, on an x86 processor with AVX2 and without VNNI."""
    qemu = shutil.which("qemu-x86_64")
    if platform.machine() != "x86_64":
        pytest.skip("NOT RUN: missing hardware, the wheel of this machine has no AVX2 kernels")
    if qemu is None:
        pytest.skip("NOT RUN: qemu-x86_64 (Debian package qemu-user) is not installed")
    # As the interpreter of this environment, which it knows by the name that it is called by.
    real = Path(sys.executable).resolve()
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {qemu} -cpu {HASWELL} -0 {sys.executable} {real} "$@"\n')
    python.chmod(0o755)
    code = (
        f"import sys; sys.executable = {str(python)!r};"
        " from bitgauge.agents.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    home = folder / HASWELL
    told = ("--coordinator", up.address, "--home", str(home), "--name", HASWELL)
    command = [str(python), "-c", code, *ARGUMENTS, *told]
    with served(command, up, HASWELL, folder, home / "tokens") as board:
        yield board


@contextlib.contextmanager
def served(command: list[str], up: Up, name: str, folder: Path, tokens: Path) -> Iterator[Board]:
    """An agent that runs until the end of the block.

    Args:
        command: how it is started.
        up: the coordinator.
        name: of its device.
        folder: where its log is put.
        tokens: folder in its state folder that it finds its token in.
    """
    tokens.mkdir(parents=True, mode=0o700)
    token = tokens / "agent"
    token.touch(0o600)
    token.write_bytes((up.home / "tokens/agent").read_bytes())
    board = Board(name, command, up, folder / f"{name}.log")
    try:
        board.switch_on()
        yield board
    finally:
        board.switch_off()
