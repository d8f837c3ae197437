"""What a child does first, once its life is tied to the agent's: accept its limits.

Every launch pays for these imports, so they are few.
"""

from __future__ import annotations

import contextlib
import resource


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
