"""Namespaces and capabilities of this process, by system call; see namespaces(7), capabilities(7).

For a process with one thread, which is what the kernel asks of whoever changes user namespaces.
"""

from __future__ import annotations

import ctypes
import os

_USER, _PROCESSES, _NETWORK, _IPC, _HOST_NAME, _MOUNTS = (
    *(0x10000000, 0x20000000, 0x40000000, 0x08000000, 0x04000000),
    0x00020000,
)
_OWN = _USER | _PROCESSES | _NETWORK | _IPC | _HOST_NAME
_NOBODY = 65534
_CAPABILITIES_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def separate() -> None:
    """New namespaces of user, process ids, network, IPC and host name; inside, we are nobody.

    Children are born into the namespace of process ids, the first as its process 1.

    Raises:
        OSError: the kernel refused.
    """
    user, group = os.geteuid(), os.getegid()
    _checked("unshare", _libc().unshare(_OWN))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_NOBODY} {user} 1"),
        ("gid_map", f"{_NOBODY} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def join(pid: int) -> None:
    """The namespaces of a process, its file tree among them; children share its process ids.

    Raises:
        OSError: the kernel refused, or the process has ended.
    """
    descriptor = os.pidfd_open(pid)
    try:
        _checked("setns", _libc().setns(descriptor, _OWN | _MOUNTS))
    finally:
        os.close(descriptor)


def give_up_capabilities() -> None:
    """Drop every capability: who makes or joins a user namespace has all of them within.

    Raises:
        OSError: the kernel refused.
    """
    header, none = _Header(_CAPABILITIES_3, 0), (ctypes.c_uint32 * 6)()
    _checked("capset", _libc().capset(ctypes.byref(header), ctypes.byref(none)))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(what: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
