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
HASWELL = "Haswell"


@dataclass(frozen=True, slots=True)
class Board:
    """One running agent.

    Attributes:
        name: of its device.
        log: what it prints.
    """

    name: str
    log: Path
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def arm_board(arm: Userland, up: Up, cpu: str, folder: Path) -> Iterator[Board]:
    """An agent in the aarch64 userland.

    Args:
        arm: the userland.
        up: the coordinator.
        cpu: as QEMU names it; the device is called so, too.
        folder: where its log is put.
    """
    home = f"/tmp/{folder.name}-{cpu}"
    tokens = arm.file(home) / "tokens"
    shutil.rmtree(tokens.parent, ignore_errors=True)
    _with_token(up, tokens)
    agent = ("python3", "-m", "bitgauge.agents.cli", *ARGUMENTS)
    told = ("--coordinator", up.address, "--home", home, "--name", cpu)
    try:
        with _served(arm.command(cpu, *agent, *told), up, cpu, folder) as board:
            yield board
    finally:
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
    _with_token(up, home / "tokens")
    told = ("--coordinator", up.address, "--home", str(home), "--name", HASWELL)
    with _served([str(python), "-c", code, *ARGUMENTS, *told], up, HASWELL, folder) as board:
        yield board


def _with_token(up: Up, tokens: Path) -> None:
    tokens.mkdir(parents=True, mode=0o700)
    token = tokens / "agent"
    token.touch(0o600)
    token.write_bytes((up.home / "tokens/agent").read_bytes())


@contextlib.contextmanager
def _served(command: list[str], up: Up, name: str, folder: Path) -> Iterator[Board]:
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment(folder),
            start_new_session=True,
        )
        board = Board(name, log, process)
        try:
            _wait_registered(up, board)
            yield board
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_registered(up: Up, board: Board) -> None:
    until = time.monotonic() + REGISTER_S
    with up.client() as client:
        while not any(one.description.name == board.name for one in client.devices()):
            assert board.process.poll() is None, board.log.read_text()[-2000:]
            assert time.monotonic() < until, board.log.read_text()[-2000:]
            time.sleep(0.5)
