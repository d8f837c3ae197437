"""The fake runtime, which also does to the machine what an artifact tells it to; all is bounded.

It is not simulated: its time counts where the device is real.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bitgauge.agents.runtimes import fake
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.fake import TRAITS, empty_artifact, prepare
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

__all__ = ["HINT", "NAME", "RANK", "TRAITS", "empty_artifact", "load", "prepare", "probe"]

NAME = "hostile"
RANK = 1
HINT = "the tests' own"

_DEEP = 1500
_BEYOND_BYTES = 5 << 30
_CHUNK_BYTES = 16 << 20
_ALIVE_S = 120


def read(target: str, amount: int) -> None:
    Path(target).read_bytes()


def write(target: str, amount: int) -> None:
    Path(target).write_bytes(b"was here")


def connect(target: str, amount: int) -> None:
    host, _, port = target.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5):
        pass


def fork_bomb(target: str, amount: int) -> None:
    """Every process forks until the system refuses or `amount` processes were made in all."""
    tickets, given = os.pipe()
    os.set_blocking(tickets, False)
    os.write(given, b"x" * amount)
    first = os.getpid()
    gc.freeze()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        while _ticket(tickets):
            os.fork()
    except OSError:
        if os.getpid() == first:
            raise
    if os.getpid() != first:
        time.sleep(_ALIVE_S)
        os._exit(0)


def _ticket(tickets: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        return bool(os.read(tickets, 1))
    return False


def runaway(target: str, amount: int) -> None:
    """Leaves a process that has left session, parent and environment behind, deaf to SIGTERM."""
    code = (
        "import os, signal, time, sys\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"time.sleep({_ALIVE_S})  # {target}\n"
    )
    subprocess.run([sys.executable, "-c", code], env={}, check=True)


def eat(target: str, amount: int) -> None:
    """Takes `amount` bytes of memory and touches them."""
    held = []
    for _ in range(amount // _CHUNK_BYTES):
        held.append(b"x" * _CHUNK_BYTES)


def reserve(target: str, amount: int) -> None:
    """Asks for `amount` bytes at once, as a giant shape does."""
    bytearray(amount)


def big_file(target: str, amount: int) -> None:
    """Writes behind the limit of a file, with a hole before it."""
    with open("big", "wb") as file:
        file.seek(_BEYOND_BYTES)
        file.write(b"x")


def litter(target: str, amount: int) -> None:
    """Leaves folders nested deeper than a recursion goes, without rights."""
    top = os.getcwd()
    for _ in range(_DEEP):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(top)
    with contextlib.suppress(OSError):
        os.chmod("d", 0)


def forge(target: str, amount: int) -> None:
    """Puts a link to `target` where the result belongs, and says that all is done."""
    spec = json.loads(Path("spec.json").read_bytes())
    os.symlink(target, spec["result"])
    os.symlink(target + ".log", "log.txt")
    os.write(spec["event_fd"], b'{"kind":"done"}\n')
    os._exit(0)


ACTS: dict[str, Callable[[str, int], None]] = {
    act.__name__: act
    for act in (
        *(read, write, connect, fork_bomb, runaway),
        *(eat, reserve, big_file, litter, forge),
    )
}


def probe() -> RuntimeDescription:
    return replace(fake.probe(), name=NAME, simulated=False)


def load(path: Path, options: SessionOptions) -> fake.FakeSession:
    return fake.load(path, options, ACTS)
