"""Family matters that a Linux process settles with its kernel; see prctl(2).

The first thing that a child does, so it imports little.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal

_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36
_GET_CHILD_SUBREAPER = 37
_SET_NO_NEW_PRIVS = 38


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Asks the kernel to signal this process when the thread that started it ends.

    Args:
        parent: id of the process that is expected to be the parent.
        number: the signal.

    Returns:
        False when the parent had ended before the request was in place.

    Raises:
        OSError: the kernel refused.
    """
    _prctl(_SET_PDEATHSIG, int(number))
    return os.getppid() == parent


def forbid_new_rights() -> None:
    """No program started from here on gains rights by set-user-id bits or file capabilities.

    Raises:
        OSError: the kernel refused.
    """
    _prctl(_SET_NO_NEW_PRIVS, 1)


def adopt_orphans() -> None:
    """Makes this process the parent of descendants whose own parent has ended.

    So a process that leaves its session and forks twice is still found and ended.

    Raises:
        OSError: the kernel refused; EINVAL where what stands in its place, such as QEMU's
            emulation of user programs, does not know this.
    """
    _prctl(_SET_CHILD_SUBREAPER, 1)


def adopts_orphans() -> bool:
    """Whether this process does so; never where that is not known.

    Raises:
        OSError: the kernel refused.
    """
    adopts = ctypes.c_int(0)
    try:
        _prctl(_GET_CHILD_SUBREAPER, ctypes.byref(adopts))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    return bool(adopts.value)


def _prctl(option: int, value: object) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")
