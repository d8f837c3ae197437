"""Spawning one child: its environment, its pipes, its session.

The child leads a session of its own, so that it and everything it starts can be ended together.
It is spawned from the agent's main thread, because PDEATHSIG fires when the spawning *thread*
ends. What follows is `supervision`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from . import process
from .failures import ChildExit
from .spec import ChildSpec
from .supervision import Listener, PhaseLimits, Supervision

# What a child keeps of the agent's environment; tokens and the rest stay out.
_INHERITED = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSAFEPATH",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "LANG",
    "LC_ALL",
    "QEMU_CPU",
)
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def child_environment(
    environ: Mapping[str, str], *, mark: str, threads: int, folder: Path
) -> dict[str, str]:
    """The environment of a child.

    Args:
        environ: the agent's.
        mark: by which leftovers are found.
        threads: what libraries of the runtime may use.
        folder: the child's own; home and temporary files are there.
    """
    kept = {name: environ[name] for name in _INHERITED if name in environ}
    kept |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    kept |= {
        process.MARK_VARIABLE: mark,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": environ.get("PYTHONDONTWRITEBYTECODE", ""),
    }
    return kept


async def run_child(
    spec: ChildSpec, folder: Path, mark: str, limits: PhaseLimits, listener: Listener
) -> ChildExit:
    """Runs one launch to its end, whatever end that is.

    When this task is cancelled the child and all it started are dead before the cancellation
    goes on.

    Args:
        spec: what to measure; its descriptors are filled in here.
        folder: the child's own folder; the spec and the log are written there.
        mark: carried in its environment.
        limits: how long it may be silent.
        listener: what to do when it speaks.
    """
    event_read, event_write = os.pipe()
    ack_read, ack_write = os.pipe()
    try:
        spec_file = folder / "spec.json"
        _write_spec(spec_file, replace(spec, event_fd=event_write, ack_fd=ack_read))
        ooms = process.oom_kills()
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bitgauge.agents.worker",
            str(spec_file),
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(event_write, ack_read),
            start_new_session=True,
            cwd=folder,
            env=child_environment(
                os.environ, mark=mark, threads=spec.workload.threads, folder=folder
            ),
        )
    except BaseException:
        os.close(event_read)
        os.close(ack_write)
        raise
    finally:
        os.close(event_write)
        os.close(ack_read)
    supervision = Supervision(child, event_read, ack_write, limits, listener, mark)
    return await supervision.run(Path(spec.result), folder / "log.txt", ooms)


def _write_spec(path: Path, spec: ChildSpec) -> None:
    path.write_bytes(msgspec.json.encode(spec))
