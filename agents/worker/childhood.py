"""What a child does first: tie its life to the agent's and accept its limits.

Every launch pays for these imports, so they are few.
"""

from __future__ import annotations

import contextlib
import resource

from bitgauge.benchmarks.common.prctl import die_with_parent, forbid_new_rights

_OPEN_FILES = 256


def begin(parent: str, address_space: str, processes: str, *, file_bytes: int) -> bool:
    """Makes this process a child that ends with its parent and cannot take much.

    Args:
        parent: process id of the agent.
        address_space: most address space, in bytes; 0 for no limit.
        processes: most processes and threads of its user; 0 for no limit. Root has none.
        file_bytes: largest file that it may write, in bytes.

    Returns:
        False when the parent has gone already.
    """
    if not die_with_parent(int(parent)):
        return False
    forbid_new_rights()
    # When memory runs out the kernel shall end this process first, never the agent.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
        file.write(b"1000")
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    limits |= {resource.RLIMIT_AS: int(address_space)} if int(address_space) else {}
    limits |= {resource.RLIMIT_NPROC: int(processes)} if int(processes) else {}
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (capped, capped))
    return True
