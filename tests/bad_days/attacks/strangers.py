"""What native code of a stranger may try in a step, one function each; a function travels by name.

Each says what came of it: the name of the error, or `DONE`.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

DONE = "done"
DENIED = ("EACCES", "EPERM", "ENOENT", "EROFS", "ESRCH")
MIB = 1 << 20
_LIBC = ctypes.CDLL(None, use_errno=True)
_PTRACE_ATTACH = 16
_NEW_USER = 0x10000000
_OF_MACHINE = {"x86_64": {"memfd": 319, "shm": 29}, "aarch64": {"memfd": 279, "shm": 194}}


def tried(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    return DONE


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


# -- what belongs to others ------------------------------------------------------------------
def reads(path: str) -> str:
    return tried(Path(path).read_bytes)


def lists(path: str) -> str:
    return tried(lambda: os.listdir(path))


def writes(path: str) -> str:
    return tried(lambda: Path(path).write_bytes(b"was here"))


def opens(path: str) -> str:
    """Opens for writing what may be read."""
    return tried(lambda: os.close(os.open(path, os.O_WRONLY)))


def removes(path: str) -> str:
    return tried(lambda: os.unlink(path))


def takes_over(path: str) -> str:
    """Gives somebody else's file another mode."""
    return tried(lambda: os.chmod(path, 0o777))


def connects(port: int) -> str:
    def act() -> None:
        with socket.create_connection(("127.0.0.1", port), 2):
            pass

    return tried(act)


def connects_to(path: str) -> str:
    def act() -> None:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(path)

    return tried(act)


def ends(pid: int) -> str:
    return tried(lambda: os.kill(pid, signal.SIGKILL))


def ends_its_parent() -> str:
    """Whoever the parent is: a step that is confined does not see it."""
    return tried(lambda: os.kill(os.getppid() or 1 << 22, signal.SIGKILL))


def traces(pid: int) -> str:
    return tried(lambda: _checked(_LIBC.ptrace(_PTRACE_ATTACH, pid, 0, 0)))


def changes(pid: int) -> str:
    return tried(lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)))


def environment_of(pid: int) -> str:
    return tried(Path(f"/proc/{pid}/environ").read_bytes)


def own_environment() -> list[str]:
    return sorted(os.environ)


def descriptors() -> list[str]:
    """What it has open besides the standard ones."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return found


# -- what the machine has ----------------------------------------------------------------------
def gains_rights() -> list[str]:
    """New namespaces by both calls, a mount, capabilities, another user."""
    stack = ctypes.create_string_buffer(65536)
    top = ctypes.c_void_p(ctypes.addressof(stack) + 65536 - 16)
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: 0)
    return [
        tried(lambda: _checked(_LIBC.unshare(_NEW_USER))),
        tried(lambda: _checked(_LIBC.clone(function, top, _NEW_USER | signal.SIGCHLD, None))),
        tried(lambda: _checked(_LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None))),
        tried(lambda: os.setuid(0)),
        tried(lambda: os.chroot(".")),
    ]


def hides_memory() -> list[str]:
    """Memory that counts as nobody's: in files without a name, System V's, shared pages."""
    numbers = _OF_MACHINE[os.uname().machine]
    return [
        tried(lambda: _checked(_LIBC.syscall(numbers["memfd"], b"x", 0))),
        tried(lambda: _checked(_LIBC.syscall(numbers["shm"], 0, MIB, 0o1600))),
        tried(lambda: mmap.mmap(-1, MIB)),
        tried(lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), MIB)),
    ]


def starts_without_end() -> NoReturn:
    while True:
        with contextlib.suppress(OSError):
            os.posix_spawn("/bin/sleep", ["sleep", "600"], {})


def fills_memory() -> NoReturn:
    taken = []
    while True:
        taken.append(b"\1" * (16 * MIB))


def fills_the_disk_with_one() -> None:
    with open("large", "wb") as file:
        while True:
            file.write(bytes(MIB))


def fills_the_disk_with_many() -> NoReturn:
    number = 0
    while True:
        number += 1
        Path(f"small{number}").write_bytes(bytes(MIB // 4))


def fills_the_disk_without_a_name() -> NoReturn:
    open_files = []
    while True:
        descriptor = os.open("gone", os.O_CREAT | os.O_RDWR)
        os.unlink("gone")
        os.write(descriptor, bytes(MIB // 4))
        open_files.append(descriptor)


def prints_without_end() -> NoReturn:
    while True:
        sys.stderr.write("2026-01-01 INFO all is well \x1b[2J" * 4096)


def leaves_a_process() -> str:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    return DONE


# -- what it leaves --------------------------------------------------------------------------
def answers_with_a_link(target: str) -> NoReturn:
    os.symlink(target, "answer")
    os._exit(0)


def answers_with_a_pipe() -> NoReturn:
    os.mkfifo("answer")
    os._exit(0)


def answers_at_length(size_bytes: int) -> NoReturn:
    with open("answer", "wb") as file:
        file.truncate(size_bytes)
    os._exit(0)


def answers(data: bytes) -> NoReturn:
    Path("answer").write_bytes(data)
    os._exit(0)


def results(target: str) -> list[str]:
    """Leaves what is no result, and one that is."""
    os.symlink(target, "results/link")
    os.symlink("/etc", "results/folder")
    os.mkfifo("results/pipe")
    Path("results/twice").write_bytes(b"x")
    os.link("results/twice", "results/again")
    with open("results/large", "wb") as file:
        file.truncate(1 << 30)
    Path("results/artifact").write_bytes(b"mine")
    return os.listdir("results")
