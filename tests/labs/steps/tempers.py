"""Steps of every temper, for a nursery to raise; a function travels by its name."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

_TIMES: list[int] = []
SLEEPER = "import time; time.sleep(600)"


def doubled(value: int) -> int:
    return 2 * value


def remembered() -> int:
    """How often this process has done this."""
    _TIMES.append(1)
    return len(_TIMES)


def refused() -> NoReturn:
    raise BadInput(Code.BAD_MODEL, "It is no model.")


def defective() -> NoReturn:
    raise ZeroDivisionError("a defect")


def endless() -> NoReturn:
    while True:
        pass


def greedy() -> NoReturn:
    taken = []
    while True:
        taken.append(b"\1" * (16 << 20))


def greedy_below() -> NoReturn:
    """What takes the memory is a process that the step has started."""
    code = "taken = []\nwhile True: taken.append(b'\\1' * (16 << 20))"
    subprocess.run([sys.executable, "-c", code], check=False)
    time.sleep(600)
    raise AssertionError


def absurd() -> bytes:
    return bytes(1 << 50)


def library_out_of_memory() -> NoReturn:
    """A library puts the allocator's words into an error of its own."""
    try:
        raise RuntimeError("[ONNXRuntimeError] : 6 : std::bad_alloc")
    except RuntimeError as error:
        raise BadInput(Code.BUILD_FAILED, "It could not be built.") from error


def crashing() -> None:
    ctypes.string_at(0)


def leaving() -> None:
    os._exit(3)


def shot() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hiding() -> None:
    """Starts a process that leaves session and parent, and says so in a file."""
    part = Path(tempfile.gettempdir()) / "part"
    part.write_bytes(b"x" * 100)
    middle = os.fork()
    if middle == 0:
        os.setsid()
        subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
        part.rename("note")
        os._exit(0)
    os.waitpid(middle, 0)


def hiding_for_ever() -> None:
    hiding()
    endless()


def noted_endless() -> None:
    Path("note").write_text("here")
    endless()
