"""Landlock by system call: this process and its descendants may open only what is listed.

Numbers and layouts are those of linux/landlock.h (documented in the kernel's
userspace-api/landlock); the three calls have the same numbers on every architecture.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_REMOVE = 1 << 4 | 1 << 5
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_MAKE_HARMLESS = 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15  # versions 2, 3 and 5

READ = _EXECUTE | _READ_FILE | _READ_DIR
WRITE = READ | _WRITE_FILE | _REMOVE | _MAKE_HARMLESS | _REFER | _TRUNCATE | _IOCTL_DEVICE
_EVERYTHING = WRITE | _MAKE_CHAR | _MAKE_BLOCK
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_TCP = 1 | 1 << 1  # bind and connect, version 4
_SCOPES = 1 | 1 << 1  # abstract sockets and signals, version 6


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


def version() -> int:
    """Version of the kernel's Landlock; 0 when it has none."""
    answer: int = _libc().syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    return max(answer, 0)


def restrict(rules: Iterable[tuple[str, int]]) -> None:
    """Confines this process for ever. ``no_new_privs`` must be set.

    Args:
        rules: path and rights, `READ` or `WRITE`; they hold for everything below a folder.

    Raises:
        OSError: the kernel refused.
    """
    known = version()
    handled = _EVERYTHING & ~sum(
        right for right, since in ((_REFER, 2), (_TRUNCATE, 3), (_IOCTL_DEVICE, 5)) if known < since
    )
    attributes = _Ruleset(handled, _TCP if known >= 4 else 0, _SCOPES if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24
    libc = _libc()
    ruleset = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0))
    for path, rights in rules:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        allowed = rights & handled & (_EVERYTHING if folder else _OF_FILES)
        rule = _PathBeneath(allowed, descriptor)
        _checked(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
        os.close(descriptor)
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
