"""What a child does first: tie its life to the agent's and accept its limits.

Every launch pays for these imports, so they are few.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def die_with_parent(parent: int) -> bool:
    """Asks the kernel to SIGKILL this process when the thread that started it ends.

    Args:
        parent: id of the process that is expected to be the parent.

    Returns:
        False when the parent had ended before the request was in place.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    return os.getppid() == parent


def forbid_new_rights() -> None:
    """No program started from here on gains rights by set-user-id bits or file capabilities."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def be_the_victim() -> None:
    """When memory runs out the kernel shall end this process first, never the agent."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
        file.write(b"1000")


def limit_resources(
    *, file_bytes: int, open_files: int = 256, address_space_bytes: int = 0, processes: int = 0
) -> None:
    """Limits of a child: no core dumps, few descriptors, no endless files.

    Args:
        file_bytes: largest file that the child may write, in bytes.
        open_files: descriptors it may hold.
        address_space_bytes: most address space, in bytes; 0 for no limit.
        processes: most processes and threads of its user; 0 for no limit. Root has none.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: open_files,
    }
    if address_space_bytes:
        wanted[resource.RLIMIT_AS] = address_space_bytes
    if processes:
        wanted[resource.RLIMIT_NPROC] = processes
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (capped, capped))
