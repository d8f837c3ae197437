"""Spawning one child: its environment, its pipes, its session.

The child leads a session of its own, so that it and everything it starts can be ended together.
It is spawned from the agent's main thread, because PDEATHSIG fires when the spawning *thread*
ends. What follows is `supervision`.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.files import write_own
from bitgauge.benchmarks.vocabulary.enums import PassName

from ..config import PhaseLimits
from ..host import process
from ..sandbox.confinement import Confinement
from ..sandbox.environment import child_environment
from ..spec import TRACE_VARIABLE, WORKER, ChildSpec
from .exit import ChildExit
from .supervision import Listener, Supervision


async def run_child(
    spec: ChildSpec,
    folder: Path,
    mark: str,
    limits: PhaseLimits,
    listener: Listener,
    *,
    confinement: Confinement,
) -> ChildExit:
    """Runs one launch to its end, whatever end that is.

    When this task is cancelled the child and all it started are dead before the cancellation
    goes on.

    Its spec and its log are written to `folder`, its own; descriptors are filled in here.
    """
    group = await asyncio.to_thread(confinement.open_group)
    log_read, log_write = os.pipe()
    event_read, event_write = os.pipe()
    ack_read, ack_write = os.pipe()
    inherited = [event_write, ack_read]
    try:
        if spec.pass_name is PassName.MEMORY and (peak := group.open_peak()) is not None:
            inherited.append(peak)
            spec = replace(spec, peak_fd=peak)
        spec_file = folder / "spec.json"
        _write_spec(spec_file, replace(spec, event_fd=event_write, ack_fd=ack_read))
        ooms = process.oom_kills()
        child = await asyncio.create_subprocess_exec(
            *group.enter,
            *_command(spec, spec_file, folder, confinement),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log_write,
            stderr=log_write,
            pass_fds=inherited,
            start_new_session=True,
            cwd=folder,
            env=child_environment(
                os.environ,
                mark=mark,
                threads=spec.workload.threads,
                folder=folder,
                of_device=confinement.variables,
            ),
        )
    except BaseException:
        for descriptor in (log_read, event_read, ack_write):
            os.close(descriptor)
        group.close()
        raise
    finally:
        for descriptor in (log_write, *inherited):
            os.close(descriptor)
    supervision = Supervision(
        child,
        log_read,
        event_read,
        ack_write,
        limits,
        listener,
        mark,
        group,
        relayed=confinement.relays_signals,
    )
    return await supervision.run(Path(spec.result), folder / "log.txt", ooms)


def _command(
    spec: ChildSpec, spec_file: Path, folder: Path, confinement: Confinement
) -> tuple[str, ...]:
    """The worker, in its box or on its way."""
    alone = (path for path in spec.paths if str(Path(path).parent) not in spec.folders)
    named = (*alone, *spec.folders, spec.evaluation, spec.built_before, *_traces())
    files = [Path(path) for path in named if path]
    words = (str(spec_file), ())
    return confinement.command(WORKER, words, folder, files, spec.workload.threads)


def _traces() -> tuple[str, ...]:
    """The recorded trace that a replaying meter reads."""
    path = os.environ.get(TRACE_VARIABLE)
    return (path,) if path else ()


def _write_spec(path: Path, spec: ChildSpec) -> None:
    write_own(path, msgspec.json.encode(spec))
