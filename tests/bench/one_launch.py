"""One launch of one pass in a real child, as an agent runs it, without an agent around it."""

from __future__ import annotations

import signal
import tempfile
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from bitgauge.agents import registry
from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.launcher.spawn import run_child
from bitgauge.agents.launcher.supervision import Listener
from bitgauge.agents.sandbox.confinement import Confinement
from bitgauge.agents.spec import ChildSpec, Event
from bitgauge.benchmarks.raw.container import RawFile, read_raw
from bitgauge.benchmarks.sandbox.base import RLIMITS, levels
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Overrides, Workload

RUNTIME = "onnxruntime"
_ATTEMPTS = 3


def plain() -> Confinement:
    """Resource limits alone, which every machine has."""
    return Confinement(levels()[RLIMITS])


async def launch(
    pass_name: PassName,
    artifacts: Sequence[Path],
    evaluation: Path,
    *,
    confinement: Confinement | None = None,
    number: int = 0,
    profile: Profile = Profile.QUICK,
    workload: Workload | None = None,
    overrides: Overrides = NO_OVERRIDES,
    phase: Callable[[str], None] = lambda name: None,
    begun: Callable[[int], None] = lambda pid: None,
    runtime: str = RUNTIME,
    device: str = "cpu",
    unit: str = "",
    meter: str = "",
    beside: tuple[str, ...] = (),
) -> RawFile:
    """Runs it to its end.

    Args:
        pass_name: what to measure.
        artifacts: baseline first; none for the floor.
        evaluation: the evaluation set.
        confinement: what the child is put into.
        number: of the launch within its pass.
        profile: how much to measure.
        workload: scenario, batch and threads; one sample on one thread when not given.
        overrides: what of the profile is overridden.
        phase: called when a phase begins.
        begun: called with the id of the child's process.
        runtime: what executes the artifacts.
        device: the kind of the device.
        unit: which of the kind.
        meter: of energy.
        beside: further meters of energy.

    Raises:
        RuntimeError: the child did not finish its work.
    """
    roles = {0: RawRole.FLOOR, 1: RawRole.CANDIDATE, 2: RawRole.BOTH}

    async def spawned(pid: int) -> None:
        begun(pid)

    async def gap(event: Event) -> None:
        pass

    with tempfile.TemporaryDirectory(prefix="bitgauge-launch-") as name:
        folder = Path(name)
        paths = list(artifacts)
        if not paths:
            paths = [folder / "floor"]
            paths[0].write_bytes(registry.runtime(runtime, ()).empty_artifact())
        spec = ChildSpec(
            pass_name=pass_name,
            launch=number,
            role=roles[len(artifacts)],
            runtimes=(runtime,) * len(paths),
            workload=workload or Workload(),
            profile=profile,
            recipe="fp32",
            seed=number + 1,
            artifacts=tuple(str(at) * 64 for at in range(len(artifacts))),
            paths=tuple(str(path) for path in paths),
            evaluation=str(evaluation),
            result=str(folder / "raw.npz"),
            event_fd=-1,
            ack_fd=-1,
            device=device,
            unit=unit,
            meter=meter,
            beside=beside,
            overrides=overrides,
        )
        for _ in range(_ATTEMPTS):
            ended = await run_child(
                spec,
                folder,
                mark=f"bench-{uuid.uuid4()}",  # all that carries it is ended with the child
                limits=PhaseLimits(),
                listener=Listener(spawned, phase, gap),
                confinement=confinement or plain(),
            )
            # Killed from outside, and not by us: an agent tries that again too.
            if ended.signal != signal.SIGKILL or ended.timed_out:
                break
        if not ended.done:
            raise RuntimeError(f"{pass_name.value}: {ended}")
        return read_raw((folder / "raw.npz").read_bytes())
