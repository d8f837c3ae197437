"""What a child does first: tie its life to the agent's and accept its limits.

Every launch pays for these imports, so they are few.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1


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


def limit_resources(*, file_bytes: int, open_files: int = 256) -> None:
    """Limits of a child: no core dumps, few descriptors, no endless files.

    Args:
        file_bytes: largest file that the child may write, in bytes.
        open_files: descriptors it may hold.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: open_files,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (capped, capped))
