"""What an agent is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.errors import BadInput, Code

from .sandbox import AUTO
from .supervision import PhaseLimits

if TYPE_CHECKING:
    from .certificates import Enrolment

DEFAULT_CACHE_BYTES = 10 * 1024**3


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """Settings of one agent process.

    Attributes:
        coordinator: host and port.
        token: bearer token of role agent.
        home: the state folder of Bitgauge; the agent's own is ``agent`` below it.
        name: label of the device.
        device: which device module describes this machine.
        cache_bytes: size that the artifact cache keeps to.
        disk_reserve_bytes: no job is taken while the disk has less free.
        once: end after one job.
        limits: how long a child may be silent.
        plugins: further folders of plug-ins.
        sandbox: level of confinement; the strongest that works when `AUTO`.
        allow_unsandboxed: run artifacts of a remote coordinator at level `rlimits`, too.
        enrolment: what the device got when it joined; None: a coordinator on this machine.
        child_memory_bytes: most memory of a child; what the device can spare when not given.
    """

    coordinator: str
    token: str
    home: Path
    name: str
    device: str = "cpu"
    cache_bytes: int = DEFAULT_CACHE_BYTES
    disk_reserve_bytes: int = 64 << 20
    once: bool = False
    limits: PhaseLimits = field(default_factory=PhaseLimits)
    plugins: tuple[Path, ...] = ()
    sandbox: str = AUTO
    allow_unsandboxed: bool = False
    child_memory_bytes: int | None = None
    enrolment: Enrolment | None = None

    @property
    def folder(self) -> Path:
        """The agent's own state folder."""
        return self.home / "agent"


def read_token(path: Path) -> str:
    """The token in a file.

    Raises:
        BadInput: the file cannot be read or is empty.
    """
    try:
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it holds no token"
        raise BadInput(
            Code.UNAUTHENTICATED, f"The token file {path} cannot be read: {why}."
        ) from error
    if not token:
        raise BadInput(Code.UNAUTHENTICATED, f"The token file {path} is empty.")
    return token
