"""Starting a driver: its command, its environment, its folders."""

from __future__ import annotations

import contextlib
import enum
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from bitgauge.benchmarks.vocabulary.errors import Code

from ..config import CoordinatorConfig
from ..tasks.replicas import REPLICA_VARIABLE

_LOG_LIMIT_BYTES = 4 << 20


def log_path(config: CoordinatorConfig) -> Path:
    """Where the driver's output goes."""
    return config.logs_folder / "driver.log"


def start(
    config: CoordinatorConfig, ray_folder: Path
) -> tuple[subprocess.Popen[bytes], EventReader]:
    """Start a driver in a session of its own, with a pipe on which it reports.

    Its own session means: Ctrl-C in the terminal reaches the supervisor alone.
    """
    read, write = os.pipe()
    command = [sys.executable, "-m", "bitgauge.coordinator.cluster.driver"]
    command += [config.to_json(), str(write), str(ray_folder)]
    path = log_path(config)
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    try:
        with path.open("ab") as log:
            driver = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(config, os.environ, ray_folder),
                pass_fds=(write,),
                cwd=config.home,
                start_new_session=True,
            )
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    return driver, EventReader(read)


def environment(
    config: CoordinatorConfig, inherited: Mapping[str, str], ray_folder: Path
) -> dict[str, str]:
    """The environment of the driver and of all that Ray starts.

    An embedded Ray gets our token and never somebody's cluster; an external one keeps the
    token settings that its owner made.
    """
    made = {
        **inherited,
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        # Ray would end our actor when a model that is measured here fills the memory.
        "RAY_memory_monitor_refresh_ms": "0",
        # A worker that has nothing to do for a second stays: it has a nursery, and the quick step
        # that runs beside the others needs one, too.
        "RAY_num_workers_soft_limit": str(task_cpus(config) + 1),
        "PYTHONUNBUFFERED": "1",
    }
    if config.ray_address is None:
        for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN"):
            made.pop(name, None)
        # Ray takes no address of its own to listen at. Where it is told to be no cluster of several
        # machines, as by default on macOS, it calls this node 127.0.0.1, and each of its servers
        # listens there alone: else each one reads 512 MiB of anybody's before it asks for a token.
        made["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        made["RAY_AUTH_TOKEN_PATH"] = str(config.ray_token_path)
        made[REPLICA_VARIABLE] = str(ray_folder / "replica")
    return made


def task_cpus(config: CoordinatorConfig) -> int:
    """Processors of an embedded Ray: all but one, unless told otherwise."""
    return config.task_cpus or max(1, (os.cpu_count() or 2) - 1)


@contextlib.contextmanager
def ray_folder() -> Iterator[Path]:
    """A private folder for Ray's session and the replica, removed afterwards.

    Its name is short because the paths of Ray's sockets may have 107 bytes at most.
    """
    base = "/tmp" if os.access("/tmp", os.W_OK) else tempfile.gettempdir()  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="bg-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def session_base(folder: Path) -> Path:
    """What Ray is given as its temporary folder.

    Ray opens that one to everybody (mode 0777), with its sockets in it; the private folder
    around it keeps other users out.
    """
    return folder / "r"


def keep_ray_logs(folder: Path, config: CoordinatorConfig) -> None:
    """Keep Ray's own logs of a driver that ended by itself; they say why."""
    source = session_base(folder) / "session_latest" / "logs"
    target = config.logs_folder / "ray"
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        with contextlib.suppress(OSError, shutil.Error):
            shutil.copytree(source, target)


class EventKind(str, enum.Enum):
    """What happened."""

    SERVING = "serving"
    ACTOR_LOST = "actor_lost"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class DriverEvent:
    """One event; `code` and `sentence` are set when the coordinator refused to start."""

    kind: EventKind
    code: Code | None = None
    sentence: str = ""


class EventSender:
    """The driver's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # what the driver starts must not hold it open
        self._descriptor = descriptor

    def send(self, event: DriverEvent) -> None:
        """Write one event; far below PIPE_BUF, so it arrives whole."""
        os.write(self._descriptor, msgspec.json.encode(event) + b"\n")


class EventReader:
    """The supervisor's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""

    def read(self) -> tuple[DriverEvent, ...] | None:
        """The events that have arrived; None at the end, when the driver has closed or died."""
        data = os.read(self.descriptor, 65536)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return tuple(msgspec.json.decode(line, type=DriverEvent) for line in lines)
